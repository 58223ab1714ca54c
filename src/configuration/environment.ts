import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { jobType } from '../../schemas/job.ts'
import { isAddressRange } from '../http/addresses.ts'
import { parseTokens, type Token } from '../http/tokens.ts'
import { defaultTaskSeconds } from '../threads/task-deadline.ts'
import {
  databaseUrl,
  fraction,
  isAuthority,
  isOrigin,
  list,
  pathPrefix,
  s3Address,
  wholeNumber,
} from './variable-kinds.ts'

const tokenList = z.string().transform((text, context): Token[] => {
  try {
    return parseTokens(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'cannot be read' })
    return z.NEVER
  }
})

const jobTypes: readonly string[] = jobType.options

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
  TUREEN_DATABASE_URL: databaseUrl.describe(
    'database of PostgreSQL (13 or newer) for the catalog, such as `postgres://tureen:PASSWORD@db.example/tureen`; without it, the catalog is `catalog.sqlite` in the data directory. Only the server and its user can read it if the password is in `~/.pgpass` instead',
  ),
  TUREEN_DATABASE_DIRECT_URL: databaseUrl.describe(
    'the same database without a pooler, for the lock of the store, for migrations and for news between servers. Required if `TUREEN_DATABASE_URL` names a pooler such as pgbouncer in transaction mode',
  ),
  TUREEN_CONTENT: s3Address.describe(
    'bucket of an S3 server for the files of models and data sets, such as `s3://bucket/prefix`; without it, they are in `content/` in the data directory. Credentials, region and endpoint come from the AWS variables, such as `AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT_URL_S3`',
  ),
  TUREEN_S3_PATH_STYLE: z
    .enum(['true', 'false'])
    .default('false')
    .describe('`true`: the bucket is a part of the path, as most S3 servers other than AWS want it'),
  TUREEN_DOWNLOADS: z
    .enum(['stream', 'redirect'])
    .default('stream')
    .describe(
      'with `TUREEN_CONTENT`: `stream` sends downloads through this server, `redirect` sends clients to a URL of the bucket that is valid for 15 minutes',
    ),
  TUREEN_CACHE_BYTES: wholeNumber(16 * oneMebibyte, onePebibyte, 16 * oneGibibyte).describe(
    'with `TUREEN_CONTENT`: most bytes of local files: copies of content, unfinished uploads and results (16 GiB)',
  ),
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
    'most requests in a minute from one token, or from one client address without a token; 0: no limit. Each server counts the requests that it gets',
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
  TUREEN_MAX_QUEUED_JOBS: wholeNumber(1, 1_000_000, 1000).describe(
    'most jobs in the queue, and most searches that wait for scores from outside',
  ),
  TUREEN_ROLE: z
    .enum(['all', 'api', 'worker'])
    .default('all')
    .describe(
      'with `TUREEN_DATABASE_URL` and `TUREEN_CONTENT`, several servers use one store: `all` serves clients and runs jobs; `api` runs no jobs; `worker` runs jobs, and serves only `/healthz`, `/readyz` and `/metrics`',
    ),
  TUREEN_WORKER_JOBS: list(text => jobTypes.includes(text), `must be job types: ${jobTypes.join(', ')}`).describe(
    'with `TUREEN_ROLE`: job types that this server runs, separated by commas, such as `merge,evaluation`; the default is all of them',
  ),
  TUREEN_HEARTBEAT_SECONDS: wholeNumber(1, 60, 1).describe(
    'seconds between two heartbeats of running jobs, where several servers use one store; with each heartbeat a worker finds out which of its jobs were cancelled',
  ),
  TUREEN_TAKEOVER_SECONDS: wholeNumber(10, 3600, 10).describe(
    'seconds without a heartbeat until another worker takes a job; the newest start of a server sets it for all of them',
  ),
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
  TUREEN_SWEEP_SECONDS: wholeNumber(1, 86_400, 60).describe(
    'seconds between two looks for expired records, and for searches that wait for scores from outside in vain',
  ),
  TUREEN_EXTERNAL_IDLE_SECONDS: wholeNumber(1, 31_536_000, 86_400).describe(
    'seconds without a sign of a scorer after which a search that waits for scores from outside fails (a day)',
  ),
  TUREEN_METRICS: z
    .enum(['guarded', 'open'])
    .default('guarded')
    .describe('`open`: `/metrics` needs no token, even if all other routes need one'),
  TUREEN_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`'),
})

/** Variables with secrets. Child processes must not inherit them, and messages must not show them. */
export const secretVariables: ReadonlySet<string> = new Set([
  'TUREEN_TOKENS',
  'TUREEN_DATABASE_URL',
  'TUREEN_DATABASE_DIRECT_URL',
])
