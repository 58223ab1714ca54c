import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { pythonVersion } from '../../package/wheel-names.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { changelogSections } from '../../release/changelog.ts'
import { type ReleaseState, releaseFindings } from '../../release/findings.ts'
import { releaseSteps } from '../../release/steps.ts'
import { projectFile, projectRoot } from '../support/server.ts'

const changelog = `# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-29

### Fixed

- A fault.

## [1.1.0] - 2026-10-01

- Older.
`

const sound: ReleaseState = {
  package: { version: '1.2.0', license: 'Apache-2.0', engines: '>=20' },
  lockVersion: '1.2.0',
  clientVersion: '1.2.0',
  changelog,
  tag: 'v1.2.0',
  uncommitted: [],
}

describe('a changelog', () => {
  test('has a section for each version', () => {
    expect(changelogSections(changelog)).toEqual([
      { version: 'Unreleased', date: undefined, text: '' },
      { version: '1.2.0', date: '2026-11-29', text: '### Fixed\n\n- A fault.' },
      { version: '1.1.0', date: '2026-10-01', text: '- Older.' },
    ])
  })

  test("of ours has entries for the next version, under Keep a Changelog's headings and Results", async () => {
    const [first] = changelogSections(String(await projectFile('CHANGELOG.md')))
    const headings = [...(first?.text ?? '').matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)
    expect(new Set(headings).size).toBe(headings.length)
    for (const heading of headings)
      expect(['Results', 'Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']).toContain(heading)
  })
})

describe('a release', () => {
  test('is not forbidden for a tagged, clean checkout whose changes stand under its version', () => {
    expect(releaseFindings(sound)).toEqual([])
  })

  test.each([
    ['another tag', { ...sound, tag: 'v1.2.1' }],
    [
      'a version that is not semantic',
      { ...sound, tag: 'v1.2', lockVersion: '1.2', package: { ...sound.package, version: '1.2' } },
    ],
    ['a client for Python of another version', { ...sound, clientVersion: '1.1.0' }],
    ['a lock file of another version', { ...sound, lockVersion: '1.1.0' }],
    ['another license', { ...sound, package: { ...sound.package, license: 'UNLICENSED' } }],
    ['no engines', { ...sound, package: { ...sound.package, engines: undefined } }],
    ['no entries', { ...sound, changelog: changelog.replace('1.2.0', '1.1.9') }],
    ['no date', { ...sound, changelog: changelog.replace(' - 2026-11-29', '') }],
    [
      'entries left under Unreleased',
      { ...sound, changelog: changelog.replace('[Unreleased]\n', '[Unreleased]\n\n- Late.\n') },
    ],
    ['files that are not committed', { ...sound, uncommitted: ['?? notes.txt'] }],
  ])('is forbidden with %s', (_, state) => {
    expect(releaseFindings(state).length).toBeGreaterThan(0)
  })

  test.each([
    ['1.2.0', '1.2.0'],
    ['1.2.0-rc.1', '1.2.0rc1'],
    ['1.2.0-alpha.10', '1.2.0a10'],
    ['1.2.0-beta.2', '1.2.0b2'],
    ['1.2.0-next.1', undefined],
    ['1.2', undefined],
  ])('of %s has wheels of the version %s', (version, expected) => {
    expect(pythonVersion(version)).toBe(expected)
  })

  test('of a prerelease is not the latest', () => {
    expect(JSON.stringify(releaseSteps('1.2.0-rc.1', 'image', false))).not.toContain('latest')
    expect(JSON.stringify(releaseSteps('1.2.0', 'image', false))).toContain('image:latest')
  })

  test('of this checkout can be run dry, and names every step of the workflow', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['release/main.ts', '--dry-run'], {
      cwd: projectRoot,
    })
    for (const what of [
      'npm pack',
      `npm publish ./tureen-${packageJson.version}.tgz --provenance`,
      `npm run wheel -- --platform=all --tarball=tureen-${packageJson.version}.tgz`,
      `tureen-${packageJson.version}-py3-none-manylinux_2_28_aarch64.whl`,
      '--sbom=true',
      '--provenance=mode=max',
      'linux/amd64,linux/arm64',
      'cosign sign',
      'gh release create',
    ])
      expect(stdout).toContain(what)
  })
})

const workflow = z.object({
  jobs: z.record(z.string(), z.object({ steps: z.array(z.object({ run: z.string().optional() })).optional() })),
})

describe('the workflows', () => {
  test('run .ci/run, build the image, and release by the steps that can be run dry', async () => {
    const runs = async (name: string) => {
      const { jobs } = workflow.parse(parse(await readFile(`${projectRoot}/.github/workflows/${name}`, 'utf8')))
      return Object.values(jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run = [] }) => run))
    }
    expect(await runs('ci.yml')).toEqual(
      expect.arrayContaining(['.ci/run', expect.stringContaining('docker buildx build')]),
    )
    expect(await runs('release.yml')).toEqual(expect.arrayContaining(['npm run release']))
  })
})
