import { execFile } from 'node:child_process'
import { chmod, chown, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { chooseIsolation, isolationLevels } from '../../src/evaluate/isolation/choose-isolation.ts'
import { launcher } from '../support/sandbox.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
})
afterAll(() => directory.remove())

const isRoot = process.getuid?.() === 0

const protections = {
  landlock: { fileSystem: true, network: true, processes: true, systemCalls: true, ownUser: isRoot },
  bubblewrap: {
    fileSystem: true,
    network: true,
    processes: true,
    systemCalls: launcher !== undefined,
    ownUser: isRoot,
  },
  seccomp: { fileSystem: false, network: true, processes: true, systemCalls: true, ownUser: isRoot },
  limits: { fileSystem: false, network: false, processes: false, systemCalls: false, ownUser: false },
}

test.for(isolationLevels)(
  'the level %s protects as its description says, where it can be had',
  async (level, context) => {
    const { isolation, refused, close } = await chooseIsolation(directory.path, [level, 'limits'])
    close()
    if (isolation.level !== level) return context.skip(refused.map(({ reason }) => reason).join('; '))
    const keepsUser = refused.some(({ what }) => what === 'ownUser')
    expect(isolation).toEqual({
      level,
      ...protections[level],
      ...(keepsUser ? { ownUser: false } : {}),
      landlockAbi: level === 'landlock' ? expect.any(Number) : null,
    })
    // What the probe made is gone.
    expect(await readdir(directory.path)).toEqual([])
  },
)

test('the strongest level that holds is taken, and stronger ones are refused with their reasons', async () => {
  const { isolation, refused, close } = await chooseIsolation(directory.path)
  close()
  const stronger = isolationLevels.slice(0, isolationLevels.indexOf(isolation.level))
  expect(refused.map(({ what }) => what).filter(what => what !== 'ownUser' && what !== 'noCapabilities')).toEqual(
    stronger,
  )
  for (const { reason } of refused) expect(reason).toMatch(/\S/)
})

/** Chooses one of the levels, starts an evaluator, and prints the level and the capabilities of the evaluator. */
const choosing = (levels: readonly string[], parent: string) => `
import { readFileSync } from 'node:fs'
import { chooseIsolation } from '${projectRoot}/src/evaluate/isolation/choose-isolation.ts'
import { startEvaluator } from '${projectRoot}/src/evaluate/evaluator-process.ts'
const { isolation, start, close } = await chooseIsolation('${parent}', ${JSON.stringify(levels)})
const child = await startEvaluator('${parent}', { seconds: 10, memoryBytes: 2 ** 30, threads: 1 }, start)
const [, capabilities] = /CapEff:\\s+(\\w+)/.exec(readFileSync('/proc/' + child.pid + '/status', 'utf8'))
console.log(JSON.stringify({ level: isolation.level, capabilities }))
await child.end()
close()
`

test.runIf(isRoot && launcher !== undefined).for(['landlock', 'seccomp'] as const)(
  'where Node is in a private directory of another user, the level %s holds for a server that is root',
  async (level, { skip }) => {
    const { isolation, close } = await chooseIsolation(directory.path, [level, 'limits'])
    close()
    if (isolation.level !== level) return skip(`the level ${level} does not hold here`)
    const home = await temporaryDirectory()
    onTestFinished(home.remove)
    const node = join(home.path, 'node')
    await copyFile(process.execPath, node)
    await chown(home.path, 1000, 1000)
    const script = join(home.path, 'choose.mjs')
    const parent = join(directory.path, 'private')
    await mkdir(parent, { recursive: true })
    await writeFile(script, choosing([level, 'limits'], parent))
    const { stdout } = await promisify(execFile)(node, [script])
    // CAP_DAC_READ_SEARCH
    expect(JSON.parse(stdout)).toEqual({ level, capabilities: '0000000000000004' })
    expect(await readdir(parent)).toEqual([])
  },
)
