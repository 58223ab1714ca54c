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

const idle = 20

test('a part that nobody reads harms nobody when its time is over', async () => {
  const uncaught = await uncaughtDuring(async () => {
    const metered = byteMeter(1000, idle)(new PassThrough())
    for (let tries = 0; metered.errored === null && tries < 100; tries += 1) await delay(idle)
    expect(metered.errored).toMatchObject({ code: 'TUREEN_REQUEST_TIMEOUT' })
    await delay(idle)
  })
  expect(uncaught).toEqual([])
})

test('a part that stands still fails whoever reads it, one that goes on slowly does not', async () => {
  const still = byteMeter(1000, idle)(new PassThrough())
  await expect(still.toArray()).rejects.toMatchObject({ code: 'TUREEN_REQUEST_TIMEOUT' })
  const source = new PassThrough()
  const read = byteMeter(1000, 200)(source).toArray()
  for (let times = 0; times < 10; times += 1) {
    source.write('x')
    await delay(30)
  }
  source.end()
  expect(Buffer.concat(await read).toString()).toBe('x'.repeat(10))
})

test('parts are counted together, and the source of one too many lives on', async () => {
  const meter = byteMeter(10, 60_000)
  const first = new PassThrough()
  first.end('123456')
  expect(Buffer.concat(await meter(first).toArray()).toString()).toBe('123456')
  const second = new PassThrough()
  second.write('78901')
  await expect(meter(second).toArray()).rejects.toMatchObject({ code: 'TUREEN_TOO_LARGE' })
  expect(second.destroyed).toBe(false)
})

test('a part whose source is gone, before or while it is read, is cut off', async () => {
  const gone = new PassThrough()
  gone.destroy()
  await once(gone, 'close')
  await expect(byteMeter(10, 60_000)(gone).toArray()).rejects.toMatchObject({ code: 'TUREEN_BODY_MALFORMED' })
  const source = new PassThrough()
  const read = byteMeter(10, 60_000)(source).toArray()
  source.write('1')
  source.destroy(new Error('reset'))
  await expect(read).rejects.toMatchObject({ code: 'TUREEN_BODY_MALFORMED' })
})
