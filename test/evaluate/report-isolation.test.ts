import { chmod } from 'node:fs/promises'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reportIsolation } from '../../src/composition/report-isolation.ts'
import { chooseIsolation, type IsolationLevel, isolationLevels } from '../../src/evaluate/isolation/choose-isolation.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
})
afterAll(() => directory.remove())

/** Isolates evaluators by the weakest level, or by those given. @returns the messages in the log, and the refusal */
async function isolate(isolation: 'auto' | 'required', levels: readonly IsolationLevel[]) {
  const lines: { level: number; msg: string }[] = []
  const log = pino({}, { write: line => void lines.push(JSON.parse(line)) })
  const chosen = await chooseIsolation(directory.path, levels)
  const refusal = await Promise.try(() => reportIsolation({ isolation }, chosen, log)).catch(
    (error: Error) => error.message,
  )
  chosen.close()
  return { lines: lines.map(({ level, msg }) => ({ level, msg })), refusal }
}

test('a server that requires isolation refuses to start without it, and says why and what to do', async () => {
  const { lines, refusal } = await isolate('required', ['limits'])
  expect(lines).toEqual([])
  expect(refusal).toMatch(/^TUREEN_ISOLATION=required, .*install bubblewrap.*TUREEN_ISOLATION=auto.*isolation\.md/)
})

test('any other server warns once', async () => {
  const { lines, refusal } = await isolate('auto', ['limits'])
  expect(refusal).toBeUndefined()
  expect(lines).toEqual([{ level: 40, msg: expect.stringMatching(/can reach files and the network.*isolation\.md/) }])
})

test('a level that isolates files and network is enough, and is logged', async context => {
  const { lines, refusal } = await isolate('required', isolationLevels)
  if (refusal !== undefined) return context.skip(refusal)
  expect(lines).toEqual([{ level: 30, msg: expect.stringMatching(/^models run isolated by (landlock|bubblewrap)$/) }])
})
