import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linearModel } from '../support/onnx-model.ts'
import { openSocket } from '../support/raw-http.ts'
import { startWatched, type WatchedServer } from '../support/watched-server.ts'
import type { Attack } from './attack.ts'
import { attackServers } from './attack-servers.ts'
import { attacks } from './attacks.ts'
import { type HealthProber, startProber } from './health-prober.ts'
import { runAttack } from './run-attack.ts'
import { type Target, targetOf } from './target.ts'

let server: WatchedServer
let prober: HealthProber
let target: Target
beforeAll(async () => {
  server = await startWatched(attackServers.open)
  prober = startProber(server.url, server.process.pid ?? 0)
  target = targetOf(server, [])
})
afterAll(async () => {
  prober.stop()
  await server.stop()
})

const run = (attack: Attack['run'], stallBound = 5_000) =>
  runAttack({ name: 'test', does: 'nothing', server: 'open', run: attack }, target, prober, stallBound)

describe('an attack', () => {
  test('that leaves models and jobs behind is held: they are deleted, and honest work goes on', async () => {
    const { problems, notes } = await run(async ({ upload, post }, { note }) => {
      const id = await upload(linearModel([1], [1]))
      note(String((await post('/v1/merges', { models: [{ id }] })).status))
    })
    expect(problems).toEqual([])
    expect(notes).toEqual(['202'])
    expect(await (await target.fetch('/v1/models')).json()).toEqual({ items: [], nextCursor: null })
  })

  test('that gets in, or fails, is a problem', async () => {
    const { problems } = await run(async (_, { problem }) => {
      problem('it got in')
      throw new Error('and broke')
    })
    expect(problems).toEqual(['it got in', 'and broke'])
  })

  test('that holds the event loop for longer than it may is a problem', async () => {
    const { problems, stall } = await run(async ({ upload }) => void (await upload(linearModel([1], [1]))), 0)
    expect(stall).toBeGreaterThan(0)
    expect(problems).toEqual([expect.stringMatching(/^the event loop was held for/)])
  })

  test('that floods is measured by a server that does nothing else', async () => {
    const flood = async (url: string) => {
      const sockets = await Promise.all(Array.from({ length: 300 }, () => openSocket(url)))
      for (const socket of sockets) socket.destroy()
    }
    const attack = { name: 'test', does: 'nothing', server: 'open' as const, flood }
    const held = await runAttack({ ...attack, run: () => delay(100) }, target, prober, 0)
    expect(held.plain?.stall).toBeGreaterThan(0)
    expect(held.problems).toEqual([])
    const stopTwice = async () => {
      for (let times = 0; times < 2; times += 1) {
        server.process.kill('SIGSTOP')
        await delay(800)
        server.process.kill('SIGCONT')
        await delay(300)
      }
    }
    const { problems } = await runAttack({ ...attack, run: stopTwice }, target, prober, 5_000)
    expect(problems).toEqual([expect.stringMatching(/^\/healthz and \/readyz took/)])
  })

  test('that stops the whole server for seconds is a problem', async () => {
    const { problems, health } = await run(async () => {
      server.process.kill('SIGSTOP')
      await delay(3_000)
      server.process.kill('SIGCONT')
    })
    expect(health.worst).toBeGreaterThan(2_500)
    expect(problems).toEqual([expect.stringMatching(/^\/healthz and \/readyz took/)])
  })
})

test('attacks have names of their own', () => {
  const names = attacks.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
