import { z } from 'zod'
import type { EvaluatorLimits } from './evaluate/evaluator-process.ts'

const environment = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  TUREEN_DATA: z.string().min(1).default('./data'),
  TUREEN_MAX_UPLOAD_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .default(8 * 2 ** 30),
  TUREEN_EVAL_SECONDS: z.coerce.number().min(1).max(86_400).default(300),
  TUREEN_EVAL_MEMORY: z.coerce
    .number()
    .int()
    .min(64 * 2 ** 20)
    .default(4 * 2 ** 30),
  TUREEN_EVAL_THREADS: z.coerce.number().int().min(1).max(256).default(1),
  TUREEN_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})

export type Config = Readonly<{
  host: string
  port: number
  dataDirectory: string
  maximumUploadBytes: number
  evaluation: EvaluatorLimits
  logLevel: string
}>

/** The configuration from environment variables. @throws Error that names each variable that is wrong, and why */
export function readConfig(variables: Record<string, string | undefined>): Config {
  const parsed = environment.safeParse(variables)
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw new Error(`The environment is not valid. ${reasons.join('; ')}`)
  }
  const { HOST, PORT, TUREEN_DATA, TUREEN_MAX_UPLOAD_BYTES, TUREEN_LOG_LEVEL } = parsed.data
  const { TUREEN_EVAL_SECONDS, TUREEN_EVAL_MEMORY, TUREEN_EVAL_THREADS } = parsed.data
  return Object.freeze({
    host: HOST,
    port: PORT,
    dataDirectory: TUREEN_DATA,
    maximumUploadBytes: TUREEN_MAX_UPLOAD_BYTES,
    evaluation: { seconds: TUREEN_EVAL_SECONDS, memoryBytes: TUREEN_EVAL_MEMORY, threads: TUREEN_EVAL_THREADS },
    logLevel: TUREEN_LOG_LEVEL,
  })
}
