import { z } from 'zod'
import type { EvaluatorLimits } from './evaluate/evaluator-process.ts'

/** A whole number in decimal digits. */
const wholeNumber = (minimum: number, maximum: number, initial: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
    .default(initial)

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65535, 3000),
  TUREEN_DATA: z.string().default('./data'),
  TUREEN_MAX_UPLOAD_BYTES: wholeNumber(1, 2 ** 50, 8 * 2 ** 30),
  TUREEN_EVAL_SECONDS: wholeNumber(1, 86_400, 300),
  TUREEN_EVAL_MEMORY: wholeNumber(64 * 2 ** 20, 2 ** 50, 4 * 2 ** 30),
  TUREEN_EVAL_THREADS: wholeNumber(1, 256, 1),
  TUREEN_SEARCH_MEMORY: wholeNumber(0, 2 ** 50, 2 ** 30),
  TUREEN_JOB_TTL: wholeNumber(0, 315_360_000, 0),
  TUREEN_IDEMPOTENCY_SECONDS: wholeNumber(60, 31_536_000, 86_400),
  TUREEN_SWEEP_SECONDS: wholeNumber(1, 86_400, 60),
  TUREEN_METRICS: z.enum(['guarded', 'open']).default('guarded'),
  TUREEN_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

export type Config = Readonly<{
  host: string
  port: number
  dataDirectory: string
  maximumUploadBytes: number
  evaluation: EvaluatorLimits
  /** Bytes of models that one search holds in memory; of more, each candidate is read from the disk. */
  searchMemoryBytes: number
  retention: {
    /** Seconds after their end that jobs expire whose request does not say; null for never. */
    jobTtl: number | null
    /** Seconds that an Idempotency-Key is remembered. */
    idempotencySeconds: number
    /** Seconds between two looks for what has expired. */
    sweepSeconds: number
  }
  /** Whether /metrics is served without a token also where the server asks for tokens. */
  metricsOpen: boolean
  logLevel: string
}>

/** The configuration from environment variables. @throws Error that names each variable that is wrong, and why */
export function readConfig(variables: Record<string, string | undefined>): Config {
  // An empty variable is one that is not set: compose files and shells make them so.
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given)
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(
      ({ path: [name = ''], message }) => `${String(name)}=${variables[String(name)]}: ${message}`,
    )
    throw new Error(`The environment is not valid. ${reasons.join('; ')}`)
  }
  const { HOST, PORT, TUREEN_DATA, TUREEN_MAX_UPLOAD_BYTES, TUREEN_LOG_LEVEL } = parsed.data
  const { TUREEN_EVAL_SECONDS, TUREEN_EVAL_MEMORY, TUREEN_EVAL_THREADS, TUREEN_SEARCH_MEMORY } = parsed.data
  const { TUREEN_JOB_TTL, TUREEN_IDEMPOTENCY_SECONDS, TUREEN_SWEEP_SECONDS } = parsed.data
  return Object.freeze({
    host: HOST,
    port: PORT,
    dataDirectory: TUREEN_DATA,
    maximumUploadBytes: TUREEN_MAX_UPLOAD_BYTES,
    evaluation: { seconds: TUREEN_EVAL_SECONDS, memoryBytes: TUREEN_EVAL_MEMORY, threads: TUREEN_EVAL_THREADS },
    searchMemoryBytes: TUREEN_SEARCH_MEMORY,
    retention: {
      jobTtl: TUREEN_JOB_TTL || null,
      idempotencySeconds: TUREEN_IDEMPOTENCY_SECONDS,
      sweepSeconds: TUREEN_SWEEP_SECONDS,
    },
    metricsOpen: parsed.data.TUREEN_METRICS === 'open',
    logLevel: TUREEN_LOG_LEVEL,
  })
}
