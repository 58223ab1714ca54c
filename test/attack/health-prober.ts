import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/**
 * Milliseconds that /healthz and /readyz took on new connections. `ownP99` leaves out the time for which the server waited for a
 * processor: the 99th percentile of what it would be on a quiet machine.
 */
export type HealthFigures = { answers: number; p99: number; worst: number; ownP99: number }

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
      const totals = taken.map(({ total }) => total)
      return {
        answers: taken.length,
        p99: quantile(totals, 0.99),
        worst: quantile(totals, 1),
        ownP99: quantile(
          taken.map(({ own }) => own),
          0.99,
        ),
      }
    },
    stop: () => void child.disconnect(),
  }
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1] ?? 0
}
