import { refuseUnsafeForBrowsers } from './configuration/browser-settings.ts'
import { environment, secretVariables } from './configuration/environment.ts'
import { type ContentSettings, contentOf, databaseOf, sharedJobsOf } from './configuration/store-settings.ts'
import { unknownVariables } from './configuration/unknown-variables.ts'
import { usedTokens } from './configuration/used-tokens.ts'
import type { EvaluatorLimits } from './evaluate/evaluator-process.ts'
import type { ProgressLimits } from './http/progress-watch.ts'
import type { Token } from './http/tokens.ts'
import type { JobLimits, SharedJobSettings } from './jobs/job-limits.ts'
import type { StorePlace } from './storage/data-directory.ts'
import type { DatabaseAddress } from './storage/postgres/open-postgres.ts'

export type Config = Readonly<{
  host: string
  port: number
  dataDirectory: string
  /** The database of the catalog; null if the catalog is in the data directory. */
  database: DatabaseAddress | null
  /** The bucket of the content; null: it is in the data directory. */
  content: ContentSettings | null
  /** True if several servers may use the catalog and the content: they are in PostgreSQL and S3. */
  isShared: boolean
  /** `all`: this server serves clients and runs jobs. `api` runs no jobs; `worker` serves probes and service metrics only. */
  role: 'all' | 'api' | 'worker'
  /** How a server runs jobs that it shares with others. */
  sharedJobs: SharedJobSettings
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
  /** Seconds without a sign of a scorer after which a search that waits for scores from outside fails. */
  externalIdleSeconds: number
  /** True if /metrics needs no token, even if all other routes need one. */
  metricsOpen: boolean
  logLevel: string
}>

/** Returns where the catalog and the content are, seen from the data directory. */
export function storePlace({ database, isShared }: Pick<Config, 'database' | 'isShared'>): StorePlace {
  if (database === null) return 'here'
  return isShared ? 'shared' : 'database'
}

/**
 * Reads the configuration from environment variables, and from the file of tokens if a variable names one.
 * @throws Error that names each wrong variable and the reason; it never contains a token or password
 */
export function readConfig(variables: Record<string, string | undefined>): Config {
  // Compose files and shells set variables to an empty text when they mean "not set".
  const given = Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value ? [[name, value]] : [])))
  const parsed = environment.safeParse(given)
  const reasons = [
    ...unknownVariables(given, Object.keys(environment.shape)),
    ...(parsed.error?.issues ?? []).map(({ path: [name], message }) =>
      secretVariables.has(String(name))
        ? `${String(name)}: ${message}`
        : `${String(name)}=${given[String(name)]}: ${message}`,
    ),
  ]
  if (!parsed.success || reasons.length > 0) throw new Error(`The environment is not valid. ${reasons.join('; ')}`)
  const { data } = parsed
  const tokens = usedTokens(data)
  refuseUnsafeForBrowsers(data, tokens.length > 0)
  const isShared = data.TUREEN_DATABASE_URL !== undefined && data.TUREEN_CONTENT !== undefined
  return Object.freeze({
    host: data.HOST,
    port: data.PORT,
    dataDirectory: data.TUREEN_DATA,
    database: databaseOf(data),
    content: contentOf(data),
    isShared,
    role: data.TUREEN_ROLE,
    sharedJobs: sharedJobsOf(data, isShared),
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
    externalIdleSeconds: data.TUREEN_EXTERNAL_IDLE_SECONDS,
    metricsOpen: data.TUREEN_METRICS === 'open',
    logLevel: data.TUREEN_LOG_LEVEL,
  })
}
