import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/**
 * Milliseconds that /healthz and /readyz took on new connections: one answer in a hundred, and one of fewer, took more than `p99`. Only
 * `withWaits`, which is the same, has in it the time for which the server waited for a processor.
 */
export type HealthFigures = { answers: number; p99: number; worst: number; withWaits: number }

export type HealthProber = {
  /** The answers since this was last asked. */
  take(): Promise<HealthFigures>
  stop(): void
}

const probeEvery = 40
const script = fileURLToPath(new URL('./probe-health.ts', import.meta.url))

const probes = z.array(z.object({ total: z.number(), own: z.number() }))

/** Starts a process that probes a server, whose process is `pid`, all the time. */
export function startProber(url: string, pid: number): HealthProber {
  const child = fork(script, [url, String(pid), String(probeEvery)])
  return {
    async take() {
      const message = once(child, 'message')
      child.send('take')
      const taken = probes.parse((await message)[0])
      const own = taken.map(probe => probe.own)
      return {
        answers: taken.length,
        p99: p99(own),
        worst: Math.max(0, ...own),
        withWaits: p99(taken.map(({ total }) => total)),
      }
    },
    stop: () => void child.disconnect(),
  }
}

function p99(values: readonly number[]): number {
  const above = Math.max(1, Math.floor(values.length / 100))
  return values.toSorted((a, b) => b - a)[above] ?? 0
}
