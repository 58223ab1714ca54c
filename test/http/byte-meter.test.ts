import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { byteMeter } from '../../src/http/byte-meter.ts'

/** What is thrown where nobody waits for it ends the server; vitest would name it only at the end of the whole run. */
async function uncaughtDuring(run: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = []
  const others = process.listeners('uncaughtException')
  const listen = (error: unknown) => void uncaught.push(error)
  process.removeAllListeners('uncaughtException').on('uncaughtException', listen)
  try {
    await run()
  } finally {
    process.off('uncaughtException', listen)
    for (const other of others) process.on('uncaughtException', other)
  }
  return uncaught
}

const never = new AbortController().signal
const moment = 100

test('a part that nobody reads harms nobody, whatever becomes of its source', async () => {
  const uncaught = await uncaughtDuring(async () => {
    const [still, reset] = [new PassThrough(), new PassThrough()]
    const slow = new AbortController()
    for (const source of [still, reset]) byteMeter(1000, slow.signal)(source)
    reset.destroy(new Error('reset'))
    slow.abort(new Error('slow'))
    await delay(moment)
    expect(still.destroyed).toBe(false)
  })
  expect(uncaught).toEqual([])
})

test('what comes before anybody reads is there for them', async () => {
  const source = new PassThrough()
  const metered = byteMeter(1000, never)(source)
  source.write('early')
  await delay(moment)
  const read: string[] = []
  for await (const chunk of metered) {
    read.push(String(chunk))
    if (read.length === 1) source.end('late')
  }
  expect(read.join()).toBe('early,late')
})

test('a part fails whoever waits for it with the reason of the signal, and leaves its source alone', async () => {
  const source = new PassThrough()
  const slow = new AbortController()
  const read = Array.fromAsync(byteMeter(1000, slow.signal)(source))
  source.write('x')
  await delay(moment)
  slow.abort(new Error('too slow'))
  await expect(read).rejects.toThrow('too slow')
  expect(source.destroyed).toBe(false)
  await expect(Array.fromAsync(byteMeter(1000, slow.signal)(source))).rejects.toThrow('too slow')
})

test('parts are counted together, and the source of one too many lives on', async () => {
  const meter = byteMeter(10, never)
  const first = new PassThrough()
  first.end('123456')
  expect(Buffer.concat(await Array.fromAsync(meter(first))).toString()).toBe('123456')
  const second = new PassThrough()
  second.write('78901')
  await expect(Array.fromAsync(meter(second))).rejects.toMatchObject({ code: 'TUREEN_TOO_LARGE' })
  expect(second.destroyed).toBe(false)
})

test('a part whose source is gone, before or while it is read, is cut off', async () => {
  const gone = new PassThrough()
  gone.destroy()
  await once(gone, 'close')
  await expect(Array.fromAsync(byteMeter(10, never)(gone))).rejects.toMatchObject({ code: 'TUREEN_BODY_MALFORMED' })
  const source = new PassThrough()
  const read = Array.fromAsync(byteMeter(10, never)(source))
  source.write('1')
  source.destroy(new Error('reset'))
  await expect(read).rejects.toMatchObject({ code: 'TUREEN_BODY_MALFORMED' })
})
