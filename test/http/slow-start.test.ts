import pino from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { createHttpServer } from '../../src/composition/http-server.ts'
import { readConfig } from '../../src/config.ts'
import { createBodyDrain } from '../../src/http/body-drain.ts'
import { browserCheck } from '../../src/http/browser-guard.ts'

afterEach(() => void vi.useRealTimers())

test('a server starts however long the machine takes to load one of its parts', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const config = readConfig({})
  const drain = createBodyDrain(config.progress)
  const app = createHttpServer(
    config,
    { check: browserCheck({ ...config, hasTokens: false }), drain },
    pino({ level: 'silent' }),
  )
  const loading = Promise.withResolvers<void>()
  app.register(async () => loading.promise)
  app.addHook('onReady', () => loading.promise)
  const ready = Promise.resolve(app.ready()).then(
    () => 'ready',
    (error: Error) => error.message,
  )
  await vi.advanceTimersByTimeAsync(60_000)
  loading.resolve()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await ready).toBe('ready')
  await app.close()
  drain.close()
})
