import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { refuseUnsafeForBrowsers } from './configuration/browser-settings.ts'
import { unknownVariables } from './configuration/unknown-variables.ts'
import { usedTokens } from './configuration/used-tokens.ts'
import { fraction, isAuthority, isOrigin, list, wholeNumber } from './configuration/variable-kinds.ts'
import type { EvaluatorLimits } from './evaluate/evaluator-process.ts'
import { isAddressRange } from './http/addresses.ts'
import type { ProgressLimits } from './http/progress-watch.ts'
import { parseTokens, type Token } from './http/tokens.ts'
import type { JobLimits } from './jobs/job-service.ts'
import { defaultTaskSeconds } from './threads/task-deadline.ts'

const tokenList = z.string().transform((text, context): Token[] => {
  try {
    return parseTokens(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'cannot be read' })
    return z.NEVER
  }
})

const oneMebibyte = 2 ** 20
const oneGibibyte = 2 ** 30
const onePebibyte = 2 ** 50

/** Every variable that the server reads, with its default and, as the README has it, its meaning. */
export const environment = z.object({
  HOST: z.string().default('127.0.0.1').describe('address to listen on; one that other machines reach needs tokens'),
  PORT: wholeNumber(0, 65535, 3000).describe('port to listen on; 0 takes a free one'),
  TUREEN_DATA: z
    .string()
    .default('./data')
    .describe('directory of everything that is kept: `catalog.sqlite` and `content/`'),
  TUREEN_TOKENS: tokenList
    .optional()
    .describe(
      'who may use the server: `NAME:SCOPE:TOKEN` or `NAME:SCOPE:sha256:HEX`, several separated by commas or line ends',
    ),
  TUREEN_TOKENS_FILE: z
    .string()
    .optional()
    .describe('file that holds the same, one a line, read again when it changes; `#` begins a comment'),
  TUREEN_AUTH: z
    .enum(['tokens', 'none'])
    .default('tokens')
    .describe('`none` serves everybody also beyond loopback, for a server behind something that authenticates'),
  TUREEN_HOSTS: list(
    isAuthority,
    'must be names such as tureen.example or tureen.example:8443, without https://',
  ).describe(
    'names under which clients call the server, beside localhost and loopback addresses, separated by commas; required by `TUREEN_AUTH=none` beyond loopback',
  ),
  TUREEN_CORS_ORIGINS: list(isOrigin, 'must be origins such as https://tureen.example, or *').describe(
    'origins whose pages may call the server from browsers, separated by commas; `*`: all, which needs tokens',
  ),
  TUREEN_TRUSTED_PROXIES: list(isAddressRange, 'must be addresses or networks such as 10.0.0.0/8').describe(
    'addresses and networks (`10.0.0.0/8`) whose `x-forwarded-for` is believed, separated by commas',
  ),
  TUREEN_RATE_LIMIT: wholeNumber(0, 1_000_000_000, 6000).describe(
    'requests in a minute of one token, or of one client address where there is none; 0: no limit',
  ),
  TUREEN_MAX_UPLOADS: wholeNumber(1, 100_000, 64).describe('uploads at a time'),
  TUREEN_UPLOAD_SHARE: fraction(0.25).describe(
    'part of the uploads at a time that one token, or one client address where there is none, may have once half of them are taken',
  ),
  TUREEN_MAX_UPLOAD_BYTES: wholeNumber(1, onePebibyte, 8 * oneGibibyte).describe(
    'bytes in one upload, all parts together (8 GiB)',
  ),
  TUREEN_MAX_STORE_BYTES: wholeNumber(0, onePebibyte, 0).describe(
    'bytes of models and data sets in the store, with those being received and written; 0: as many as the disk takes',
  ),
  TUREEN_MAX_MODELS: wholeNumber(1, 1024, 1024).describe(
    'models in one merge, soup, comparison or search; a search takes at most 128 whatever this says',
  ),
  TUREEN_MAX_QUEUED_JOBS: wholeNumber(1, 1_000_000, 1000).describe('jobs that wait for their turn'),
  TUREEN_JOBS: wholeNumber(1, 1024, Math.max(1, availableParallelism())).describe(
    'jobs of one type that run at a time; by default one for each processor',
  ),
  TUREEN_MAX_CONNECTIONS: wholeNumber(1, 1_000_000, 2048).describe(
    'connections at a time; fewer where the system allows the process too few open files',
  ),
  TUREEN_HEADER_SECONDS: wholeNumber(1, 300, 60).describe('seconds that the headers of a request may take'),
  TUREEN_BODY_IDLE_SECONDS: wholeNumber(1, 86_400, 60).describe('seconds that the body of a request may stand still'),
  TUREEN_BODY_SECONDS: wholeNumber(1, 86_400, 60).describe('seconds that a JSON or YAML body may take in all'),
  TUREEN_MIN_RATE: wholeNumber(0, 1_000_000_000, 16_384).describe(
    'bytes a second that an upload or a download must reach while the server waits for its client (16 KiB); 0: any',
  ),
  TUREEN_MIN_RATE_SECONDS: wholeNumber(1, 3600, 30).describe('seconds of such waiting over which the rate is averaged'),
  TUREEN_EVAL_SECONDS: wholeNumber(1, 86_400, 300).describe('seconds that one evaluation may take'),
  TUREEN_EVAL_MEMORY: wholeNumber(64 * oneMebibyte, onePebibyte, 4 * oneGibibyte).describe(
    'bytes of memory that one evaluation may take (4 GiB)',
  ),
  TUREEN_EVAL_THREADS: wholeNumber(1, 256, 1).describe(
    'threads of onnxruntime in one evaluation; part of what a score is kept by',
  ),
  TUREEN_TASK_SECONDS: wholeNumber(1, 86_400, defaultTaskSeconds).describe(
    'seconds that a thread may work on one inspection, comparison or share of a merge; a search has as many of them as it needs',
  ),
  TUREEN_SEARCH_MEMORY: wholeNumber(0, onePebibyte, oneGibibyte).describe(
    'bytes of models that one search holds in memory (1 GiB); more is read from the disk for every candidate',
  ),
  TUREEN_JOB_TTL: wholeNumber(0, 315_360_000, 0).describe(
    'seconds after their end that jobs expire whose request has no `ttl`; 0 keeps them until they are deleted',
  ),
  TUREEN_IDEMPOTENCY_SECONDS: wholeNumber(60, 31_536_000, 86_400).describe(
    'seconds that an `Idempotency-Key` is remembered (a day)',
  ),
  TUREEN_QUARANTINE_DAYS: wholeNumber(0, 3650, 30).describe(
    'days that files which no record refers to stay in `quarantine/`; they go sooner if room is needed',
  ),
  TUREEN_VERIFY_DAYS: wholeNumber(0, 3650, 30).describe(
    'days in which all content is read again and its digests are compared; 0: never',
  ),
  TUREEN_SWEEP_SECONDS: wholeNumber(1, 86_400, 60).describe('seconds between two looks for what has expired'),
  TUREEN_METRICS: z
    .enum(['guarded', 'open'])
    .default('guarded')
    .describe('`open`: `/metrics` needs no token, where the server asks for tokens'),
  TUREEN_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`'),
})

export type Config = Readonly<{
  host: string
  port: number
  dataDirectory: string
  /** None: everybody may do everything. */
  tokens: readonly Token[]
  /** The file that they were read from, which may change. */
  tokensFile: string | undefined
  /** Names of the server beside those of loopback. None: with tokens, all names. */
  hosts: readonly string[]
  corsOrigins: readonly string[]
  trustedProxies: readonly string[]
  /** 0: no limit. */
  requestsPerMinute: number
  maximumUploads: number
  /** The part of the uploads at a time that one client may have once half of them are taken. */
  uploadShare: number
  maximumUploadBytes: number
  /** 0: no limit. */
  maximumStoreBytes: number
  maximumModels: number
  jobs: JobLimits
  maximumConnections: number
  headerMilliseconds: number
  /** How bodies must go on, in both directions. */
  progress: ProgressLimits
  /** Seconds that a body may take that is parsed as a whole. */
  bodySeconds: number
  evaluation: EvaluatorLimits
  /** Bytes of models that one search holds in memory; of more, each candidate is read from the disk. */
  searchMemoryBytes: number
  /** Seconds that a worker thread may work on one task. */
  taskSeconds: number
  retention: {
    /** Seconds that an Idempotency-Key is remembered. */
    idempotencySeconds: number
    /** Seconds between two looks for what has expired. */
    sweepSeconds: number
    /** Milliseconds that content without a record stays in the quarantine. */
    quarantineMilliseconds: number
    /** Days in which all content is verified once. 0: never. */
    verifyDays: number
  }
  /** Whether /metrics is served without a token also where the server asks for tokens. */
  metricsOpen: boolean
  logLevel: string
}>

/**
 * The configuration from environment variables, and the file of tokens if they name one.
 * @throws Error that names each variable that is wrong, and why; of tokens it has no part
 */
export function readConfig(variables: Record<string, string | undefined>): Config {
  // An empty variable is one that is not set: compose files and shells make them so.
  const given = Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value ? [[name, value]] : [])))
  const parsed = environment.safeParse(given)
  const reasons = [
    ...unknownVariables(given, Object.keys(environment.shape)),
    ...(parsed.error?.issues ?? []).map(({ path: [name], message }) =>
      name === 'TUREEN_TOKENS' ? `${name}: ${message}` : `${String(name)}=${given[String(name)]}: ${message}`,
    ),
  ]
  if (!parsed.success || reasons.length > 0) throw new Error(`The environment is not valid. ${reasons.join('; ')}`)
  const { data } = parsed
  const tokens = usedTokens(data)
  refuseUnsafeForBrowsers(data, tokens.length > 0)
  return Object.freeze({
    host: data.HOST,
    port: data.PORT,
    dataDirectory: data.TUREEN_DATA,
    tokens,
    tokensFile: data.TUREEN_TOKENS_FILE,
    hosts: data.TUREEN_HOSTS,
    corsOrigins: data.TUREEN_CORS_ORIGINS,
    trustedProxies: data.TUREEN_TRUSTED_PROXIES,
    requestsPerMinute: data.TUREEN_RATE_LIMIT,
    maximumUploads: data.TUREEN_MAX_UPLOADS,
    uploadShare: data.TUREEN_UPLOAD_SHARE,
    maximumUploadBytes: data.TUREEN_MAX_UPLOAD_BYTES,
    maximumStoreBytes: data.TUREEN_MAX_STORE_BYTES,
    maximumModels: data.TUREEN_MAX_MODELS,
    jobs: {
      concurrency: data.TUREEN_JOBS,
      maximumQueued: data.TUREEN_MAX_QUEUED_JOBS,
      ttl: data.TUREEN_JOB_TTL || null,
    },
    maximumConnections: data.TUREEN_MAX_CONNECTIONS,
    headerMilliseconds: data.TUREEN_HEADER_SECONDS * 1000,
    progress: {
      bytesPerSecond: data.TUREEN_MIN_RATE,
      windowMilliseconds: data.TUREEN_MIN_RATE_SECONDS * 1000,
      idleMilliseconds: data.TUREEN_BODY_IDLE_SECONDS * 1000,
    },
    bodySeconds: data.TUREEN_BODY_SECONDS,
    evaluation: {
      seconds: data.TUREEN_EVAL_SECONDS,
      memoryBytes: data.TUREEN_EVAL_MEMORY,
      threads: data.TUREEN_EVAL_THREADS,
    },
    searchMemoryBytes: data.TUREEN_SEARCH_MEMORY,
    taskSeconds: data.TUREEN_TASK_SECONDS,
    retention: {
      idempotencySeconds: data.TUREEN_IDEMPOTENCY_SECONDS,
      sweepSeconds: data.TUREEN_SWEEP_SECONDS,
      verifyDays: data.TUREEN_VERIFY_DAYS,
      quarantineMilliseconds: data.TUREEN_QUARANTINE_DAYS * 86_400_000,
    },
    metricsOpen: data.TUREEN_METRICS === 'open',
    logLevel: data.TUREEN_LOG_LEVEL,
  })
}
