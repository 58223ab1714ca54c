import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { commandLine } from '../src/command-line.ts'
import { changelogSections } from './changelog.ts'
import { releaseFindings } from './findings.ts'
import { imageMetadataFile, notesFile, releaseSteps } from './steps.ts'

/**
 * npm run release [-- --dry-run]
 *
 * Checks that the checkout can be released, and runs the steps of a release. A tag's workflow runs it; a dry run lists the steps and runs none.
 */
const command = commandLine('usage: npm run release -- [--dry-run]')
const { values } = command.parse({ options: { 'dry-run': { type: 'boolean', default: false } } })
const dryRun = values['dry-run']

const say = (line: string) => void process.stdout.write(`${line}\n`)
const text = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
const packageSchema = z.object({
  version: z.string(),
  license: z.string(),
  private: z.boolean().default(false),
  engines: z.object({ node: z.string() }).optional(),
})
const imageMetadata = z.object({ 'containerimage.digest': z.string().regex(/^sha256:[0-9a-f]{64}$/) })

const { version, license, private: isPrivate, engines } = packageSchema.parse(JSON.parse(text('package.json')))
const changelog = text('CHANGELOG.md')
const findings = releaseFindings({
  package: { version, license, engines: engines?.node },
  lockVersion: z.object({ version: z.string() }).parse(JSON.parse(text('package-lock.json'))).version,
  clientVersion: /^__version__ = "(.*)"$/m.exec(text('clients/python/tureen/__init__.py'))?.[1] ?? 'none',
  changelog,
  tag: dryRun ? undefined : (process.env['GITHUB_REF_NAME'] ?? 'none'),
  uncommitted: execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' }).split('\n').filter(Boolean),
})
for (const finding of findings) say(finding)
if (findings.length > 0) process.exit(1)

const sections = changelogSections(changelog)
const notes = sections.find(section => section.version === version) ?? sections[0]
if (!dryRun) writeFileSync(notesFile, `${notes?.text}\n`)
say(`Version ${version}; ${notes?.text.split('\n').filter(line => line.startsWith('- ')).length} entries in its notes.`)

/** Arguments of a command, with the digest that the build of the image wrote. */
function withDigest(argument: string): string {
  if (!argument.endsWith('@DIGEST')) return argument
  const digest = imageMetadata.parse(JSON.parse(text(imageMetadataFile)))['containerimage.digest']
  return argument.replace('DIGEST', digest)
}

for (const { title, commands } of releaseSteps(version, process.env['IMAGE'] ?? 'ghcr.io/OWNER/tureen', isPrivate)) {
  say(`\n${title}`)
  for (const [program = '', ...parameters] of commands) {
    say(`    ${[program, ...parameters].join(' ')}`)
    if (dryRun) continue
    const { status, error } = spawnSync(program, parameters.map(withDigest), { stdio: 'inherit' })
    if (status !== 0) {
      say(`${program} failed: ${error?.message ?? `exit code ${status}`}.`)
      process.exit(1)
    }
  }
}
