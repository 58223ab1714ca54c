import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** Milliseconds that /healthz and /readyz took on new connections. */
export type HealthFigures = { answers: number; p99: number; worst: number }

export type HealthProber = {
  /** The answers since this was last asked. */
  take(): Promise<HealthFigures>
  stop(): void
}

const probeEvery = 40
const script = fileURLToPath(new URL('./probe-health.ts', import.meta.url))

/** Starts a process that probes a server all the time. */
export function startProber(url: string): HealthProber {
  const child = fork(script, [url, String(probeEvery)])
  return {
    async take() {
      const message = once(child, 'message')
      child.send('take')
      const sorted = z
        .array(z.number())
        .parse((await message)[0])
        .toSorted((a, b) => a - b)
      const at = (quantile: number) => sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0
      return { answers: sorted.length, p99: at(0.99), worst: at(1) }
    },
    stop: () => void child.disconnect(),
  }
}
