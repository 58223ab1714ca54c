import { pythonVersion } from '../package/wheel-names.ts'
import { changelogSections } from './changelog.ts'

/** Version, changelog and state of the repository from which a release is made. */
export type ReleaseState = Readonly<{
  package: { version: string; license: string; engines: string | undefined }
  lockVersion: string
  /** Version of the client for Python. */
  clientVersion: string
  changelog: string
  /** The tag that triggered the release; undefined in a dry run. */
  tag: string | undefined
  /** Files that are not committed, as `git status --porcelain` lists them. */
  uncommitted: readonly string[]
}>

// https://semver.org/, the expression that it suggests, without build metadata: npm ignores it.
const semanticVersion =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(?:0|[1-9]\d*|\d*[a-z-][0-9a-z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-z-][0-9a-z-]*))*)?$/i

/** Returns the findings that forbid a release, one sentence each. A dry run accepts uncommitted files, and entries under "Unreleased". */
export function releaseFindings(state: ReleaseState): string[] {
  const { version, license, engines } = state.package
  const dry = state.tag === undefined
  const sections = changelogSections(state.changelog)
  const released = sections.find(section => section.version === version && section.text !== '')
  const waiting = sections.find(section => section.version === 'Unreleased' && section.text !== '')
  const findings = [
    !semanticVersion.test(version) && `package.json has the version ${version}, which is not a semantic version.`,
    state.lockVersion !== version &&
      `package-lock.json has the version ${state.lockVersion}, package.json ${version}. Run npm install.`,
    pythonVersion(version) === undefined &&
      `Python has no version ${version}. Prereleases are such as 1.2.0-rc.1, -beta.1 or -alpha.1.`,
    state.clientVersion !== version &&
      `clients/python/tureen/__init__.py has the version ${state.clientVersion}, package.json ${version}.`,
    license !== 'Apache-2.0' && `package.json has the license ${license}. LICENSE holds Apache-2.0.`,
    engines === undefined && 'package.json names no engines.node.',
    !released && !(dry && waiting) && `CHANGELOG.md has no entries under the version ${version}.`,
    !dry && released?.date === undefined && `CHANGELOG.md has no date beside the version ${version}.`,
    !dry && waiting !== undefined && 'CHANGELOG.md has entries under "Unreleased". Move them under the version.',
    !dry &&
      state.tag !== `v${version}` &&
      `The tag is ${state.tag}, the version ${version}. The tag must be v${version}.`,
    !dry && state.uncommitted.length > 0 && `Not committed: ${state.uncommitted.slice(0, 5).join(', ')}.`,
  ]
  return findings.filter(finding => typeof finding === 'string')
}
