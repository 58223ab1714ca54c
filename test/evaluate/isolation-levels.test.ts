import { chmod, readdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chooseIsolation, isolationLevels } from '../../src/evaluate/isolation/choose-isolation.ts'
import { launcher } from '../support/sandbox.ts'
import { temporaryDirectory } from '../support/server.ts'

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
  expect(refused.map(({ what }) => what).filter(what => what !== 'ownUser')).toEqual(stronger)
  for (const { reason } of refused) expect(reason).toMatch(/\S/)
})
