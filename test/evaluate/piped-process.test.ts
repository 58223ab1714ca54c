import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startPlain } from '../../src/evaluate/isolation/plain-process.ts'
import { evaluatorDirectory } from '../support/sandbox.ts'
import { temporaryDirectory } from '../support/server.ts'

test('what an evaluator has written can be read after its end, by both ways of reading', async () => {
  const directory = await temporaryDirectory()
  const made = evaluatorDirectory(
    directory.path,
    `import { writeSync } from 'node:fs'
     writeSync(2, 'an error')
     writeSync(3, 'an answer')`,
  )
  const child = await startPlain({ ...made, cpuSeconds: 20 })
  expect(await child.exited).toEqual({ code: 0, signal: null })
  await delay(20)
  const answer = new Promise(resolve => child.output.once('data', chunk => resolve(String(chunk))))
  expect(await Promise.all([answer, text(child.errors)])).toEqual(['an answer', 'an error'])
  await directory.remove()
})
