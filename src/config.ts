import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { refuseUnsafeForBrowsers } from './configuration/browser-settings.ts'
import { unknownVariables } from './configuration/unknown-variables.ts'
import { usedTokens } from './configuration/used-tokens.ts'
import { fraction, isAuthority, isOrigin, list, pathPrefix, wholeNumber } from './configuration/variable-kinds.ts'
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

/** Every environment variable that the server reads, with its default and its meaning as the documentation shows it. */
export const environment = z.object({
  HOST: z.string().default('127.0.0.1').describe('address to listen on; one that other machines reach needs tokens'),
  PORT: wholeNumber(0, 65535, 3000).describe('port to listen on; 0 takes a free one'),
  TUREEN_DATA: z
    .string()
    .default('./data')
    .describe('data directory, which holds everything that the server keeps, such as `catalog.sqlite` and `content/`'),
  TUREEN_TOKENS: tokenList
    .optional()
    .describe(
      'tokens of the clients: `NAME:SCOPE:TOKEN` or `NAME:SCOPE:sha256:HEX`, separated by commas or line ends. Other processes can read it: prefer `TUREEN_TOKENS_FILE`',
    ),
  TUREEN_TOKENS_FILE: z
    .string()
    .optional()
    .describe('file with such tokens, one a line; the server reads it again when it changes; `#` begins a comment'),
  TUREEN_AUTH: z
    .enum(['tokens', 'none'])
    .default('tokens')
    .describe('`none` serves all clients without tokens, for a server behind a proxy that authenticates them'),
  TUREEN_HOSTS: list(
    isAuthority,
    'must be names such as tureen.example or tureen.example:8443, without https://',
  ).describe(
    'names under which clients call the server, separated by commas; localhost and loopback addresses always work. Required with `TUREEN_AUTH=none` if other machines reach the server',
  ),
  TUREEN_CORS_ORIGINS: list(isOrigin, 'must be origins such as https://tureen.example, or *').describe(
    'origins of the web pages that may call the server from browsers, separated by commas; `*`: all origins, which needs tokens',
  ),
  TUREEN_TRUSTED_PROXIES: list(isAddressRange, 'must be addresses or networks such as 10.0.0.0/8').describe(
    'addresses and networks (`10.0.0.0/8`) of proxies, separated by commas; the server believes their `x-forwarded-for`',
  ),
  TUREEN_RATE_LIMIT: wholeNumber(0, 1_000_000_000, 6000).describe(
    'most requests in a minute from one token, or from one client address without a token; 0: no limit',
  ),
  TUREEN_MAX_UPLOADS: wholeNumber(1, 100_000, 64).describe('most uploads at a time'),
  TUREEN_UPLOAD_SHARE: fraction(0.25).describe(
    'share of the upload slots that one token (or one client address without a token) may take while at least half of all slots are taken',
  ),
  TUREEN_MAX_UPLOAD_BYTES: wholeNumber(1, onePebibyte, 8 * oneGibibyte).describe(
    'most bytes in one upload, all parts together (8 GiB)',
  ),
  TUREEN_MAX_STORE_BYTES: wholeNumber(0, onePebibyte, 0).describe(
    'most bytes of models and data sets in the store, including unfinished uploads and results; 0: as many as fit on the disk',
  ),
  TUREEN_MAX_MODELS: wholeNumber(1, 1024, 1024).describe(
    'most models in one merge, soup, comparison or search; searches take at most 128 in any case',
  ),
  TUREEN_MAX_QUEUED_JOBS: wholeNumber(1, 1_000_000, 1000).describe('most jobs in the queue'),
  TUREEN_JOBS: wholeNumber(1, 1024, Math.max(1, availableParallelism())).describe(
    'most jobs of one type that run at a time; the default is the number of processors',
  ),
  TUREEN_MAX_CONNECTIONS: wholeNumber(1, 1_000_000, 2048).describe(
    'most connections at a time; fewer if the limit of open files (`ulimit -n`) is too low',
  ),
  TUREEN_PUBLIC_PATH: pathPrefix.describe(
    'path under which a proxy serves the server, such as `/tureen`; it begins the paths in links, in `Location` and in the API document. The server answers with and without it',
  ),
  TUREEN_KEEP_ALIVE_SECONDS: wholeNumber(1, 86_400, 72).describe(
    'seconds until the server closes an idle connection; more than a proxy in front of it keeps one',
  ),
  TUREEN_SHUTDOWN_SECONDS: wholeNumber(0, 86_400, 8).describe(
    'seconds that running requests, such as uploads, have to finish after SIGTERM; the process ends within two more',
  ),
  TUREEN_HEADER_SECONDS: wholeNumber(1, 300, 60).describe('most seconds until the headers of a request have arrived'),
  TUREEN_BODY_IDLE_SECONDS: wholeNumber(1, 86_400, 60).describe('most seconds without a byte from a request body'),
  TUREEN_BODY_SECONDS: wholeNumber(1, 86_400, 60).describe('most seconds until a JSON or YAML body has arrived'),
  TUREEN_MIN_RATE: wholeNumber(0, 1_000_000_000, 16_384).describe(
    'least bytes per second of an upload or a download while the server waits for the client (16 KiB); 0: no minimum',
  ),
  TUREEN_MIN_RATE_SECONDS: wholeNumber(1, 3600, 30).describe(
    'seconds of waiting over which the server averages that rate',
  ),
  TUREEN_EVAL_SECONDS: wholeNumber(1, 86_400, 300).describe('most seconds of one evaluation'),
  TUREEN_EVAL_MEMORY: wholeNumber(64 * oneMebibyte, onePebibyte, 4 * oneGibibyte).describe(
    'most bytes of memory of one evaluation (4 GiB)',
  ),
  TUREEN_EVAL_THREADS: wholeNumber(1, 256, 1).describe(
    'intra-op threads of onnxruntime in one evaluation; kept scores are reused only with the same number',
  ),
  TUREEN_ISOLATION: z
    .enum(['auto', 'required'])
    .default('auto')
    .describe(
      '`required`: the server starts only if models that run can reach neither its files nor a network; `auto`: it warns if they can',
    ),
  TUREEN_TASK_SECONDS: wholeNumber(1, 86_400, defaultTaskSeconds).describe(
    'most seconds of a worker thread for one inspection, one comparison or one share of a merge; a search may use many such tasks',
  ),
  TUREEN_SEARCH_MEMORY: wholeNumber(0, onePebibyte, 256 * oneMebibyte).describe(
    'most bytes of samples that the evaluators of one search keep ready to run, all together (256 MiB); more samples are read and converted again for every candidate',
  ),
  TUREEN_JOB_TTL: wholeNumber(0, 315_360_000, 0).describe(
    'seconds that the server keeps an ended job whose request has no `ttl`; 0: until a client deletes it',
  ),
  TUREEN_IDEMPOTENCY_SECONDS: wholeNumber(60, 31_536_000, 86_400).describe(
    'seconds that the server remembers an `Idempotency-Key` (a day)',
  ),
  TUREEN_QUARANTINE_DAYS: wholeNumber(0, 3650, 30).describe(
    'days that a file without a record stays in `quarantine/`; the server deletes it sooner if it needs the room',
  ),
  TUREEN_VERIFY_DAYS: wholeNumber(0, 3650, 30).describe(
    'days in which the server reads all content again and compares its digests; 0: never',
  ),
  TUREEN_SWEEP_SECONDS: wholeNumber(1, 86_400, 60).describe('seconds between two searches for expired records'),
  TUREEN_METRICS: z
    .enum(['guarded', 'open'])
    .default('guarded')
    .describe('`open`: `/metrics` needs no token, even if all other routes need one'),
  TUREEN_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`'),
})

export type Config = Readonly<{
  host: string
  port: number
  dataDirectory: string
  /** Empty: every client may do everything. */
  tokens: readonly Token[]
  /** The file that the tokens come from; undefined if they come from a variable. The file may change. */
  tokensFile: string | undefined
  /** Names of the server, apart from the loopback ones. Empty: with tokens, every name works. */
  hosts: readonly string[]
  corsOrigins: readonly string[]
  trustedProxies: readonly string[]
  /** 0: no limit. */
  requestsPerMinute: number
  maximumUploads: number
  /** The share of the upload slots, from 0 to 1, that one client may take while at least half of all slots are taken. */
  uploadShare: number
  maximumUploadBytes: number
  /** 0: no limit. */
  maximumStoreBytes: number
  maximumModels: number
  jobs: JobLimits
  maximumConnections: number
  /** Prefix under which a proxy serves the server, such as `/tureen`; empty if there is none. */
  publicPath: string
  headerMilliseconds: number
  /** Milliseconds until the server closes an idle connection. */
  idleMilliseconds: number
  /** Milliseconds that running requests have to finish after SIGTERM. */
  shutdownMilliseconds: number
  /** Least progress of request and response bodies. */
  progress: ProgressLimits
  /** Most seconds until a JSON or YAML body has arrived. */
  bodySeconds: number
  evaluation: EvaluatorLimits
  /** If models that run are not isolated: `auto` warns, `required` refuses to start. */
  isolation: 'auto' | 'required'
  /** Most bytes of samples that the evaluators of one search keep ready to run, all together. */
  searchMemoryBytes: number
  /** Most seconds of a worker thread for one task. */
  taskSeconds: number
  retention: {
    /** Seconds that the server remembers an Idempotency-Key. */
    idempotencySeconds: number
    /** Seconds between two searches for expired records. */
    sweepSeconds: number
    /** Milliseconds that content without a record stays in the quarantine. */
    quarantineMilliseconds: number
    /** Days in which the server verifies all content once. 0: never. */
    verifyDays: number
  }
  /** True if /metrics needs no token, even if all other routes need one. */
  metricsOpen: boolean
  logLevel: string
}>

/**
 * Reads the configuration from environment variables, and from the file of tokens if a variable names one.
 * @throws Error that names each wrong variable and the reason; it never contains a token
 */
export function readConfig(variables: Record<string, string | undefined>): Config {
  // Compose files and shells set variables to an empty text when they mean "not set".
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
    publicPath: data.TUREEN_PUBLIC_PATH,
    idleMilliseconds: data.TUREEN_KEEP_ALIVE_SECONDS * 1000,
    shutdownMilliseconds: data.TUREEN_SHUTDOWN_SECONDS * 1000,
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
    isolation: data.TUREEN_ISOLATION,
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
