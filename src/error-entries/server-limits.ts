import type { ErrorEntries } from './error-entry.ts'

/** Limits of the server, and its failures. */
export const serverLimits = {
  TUREEN_RATE_LIMITED: {
    status: 429,
    title: 'There are too many requests',
    help: 'Wait the seconds in `Retry-After`. Use `?wait` or events instead of polling, or raise `TUREEN_RATE_LIMIT`.',
  },
  TUREEN_TOO_MANY_UPLOADS: {
    status: 429,
    title: 'There are too many uploads at a time',
    help: 'Try again after the seconds in `Retry-After`, or raise `TUREEN_MAX_UPLOADS`.',
  },
  TUREEN_UPLOAD_SHARE_USED: {
    status: 429,
    title: 'The client uses its whole share of the upload slots',
    help: 'At least half of all upload slots are taken, and this token or address has its share of them. Try again when one of its uploads has ended, or raise `TUREEN_UPLOAD_SHARE`.',
  },
  TUREEN_TOO_MANY_STREAMS: {
    status: 429,
    title: 'The client has too many event streams open',
    help: 'One token or address may have 64 event streams at a time. Close unused ones, or ask for the job with `GET /v1/jobs/{id}`.',
  },
  TUREEN_TOO_MANY_WAITS: {
    status: 429,
    title: 'The client has too many requests that wait',
    help: 'One token or address may have 256 requests with `?wait` at a time. Try again when one has ended, or ask without `?wait`.',
  },
  TUREEN_QUEUE_FULL: {
    status: 429,
    title: 'There are too many jobs in the queue',
    help: 'Try again when jobs have ended, cancel some, or raise `TUREEN_MAX_QUEUED_JOBS`.',
  },
  TUREEN_HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The request headers are too large',
    help: 'Send fewer or smaller headers.',
  },
  TUREEN_CONTENT_DAMAGED: {
    status: 500,
    title: 'Stored content is damaged',
    help: 'A stored file changed on the disk. `errors` names it. Upload the same file again to replace it, and check the disk.',
  },
  TUREEN_RECORD_UNREADABLE: {
    status: 500,
    title: 'A stored record cannot be read',
    help: 'The record of a model, data set or job is damaged, or a newer version of Tureen wrote it. `detail` names it. Delete a damaged record and upload the same file again: [a damaged catalog](../operations/damaged-catalog.md). For a record of a newer version, start that version again: [rollback](../operations/upgrade-and-rollback.md).',
  },
  TUREEN_STORE_FAILED: {
    status: 500,
    title: 'The disk failed',
    help: 'The disk under `TUREEN_DATA` failed. Nothing of the request was kept. Check the disk, then try again.',
  },
  TUREEN_INTERNAL: {
    status: 500,
    title: 'Something went wrong in the server',
    help: 'The server has a defect. Its log has the details under `requestId`. Please report it.',
  },
  TUREEN_CATALOG_UNAVAILABLE: {
    status: 503,
    title: 'The catalog cannot be read or written at the moment',
    help: 'The server is starting its catalog again, for example after it ran out of memory: ask for fewer records at a time. Or its database (`TUREEN_DATABASE_URL`) does not answer. Send the request again after the seconds in `Retry-After`.',
  },
  TUREEN_CONTENT_UNAVAILABLE: {
    status: 503,
    title: 'The S3 server that keeps the content cannot be used at the moment',
    help: 'Send the request again after the seconds in `Retry-After`. Jobs wait and start again by themselves. `actual` names the failure: look after the S3 server, the credentials and `TUREEN_CONTENT`.',
  },
  TUREEN_EVALUATOR_UNAVAILABLE: {
    status: 503,
    title: 'The process that runs models is not available',
    help: 'The evaluator did not start, or ended before it loaded the model, in three attempts. Try again when the machine has memory and processor time to spare.',
  },
  TUREEN_TOO_MANY_CONNECTIONS: {
    status: 503,
    title: 'The server has no free connection',
    help: 'Every connection has a running request. Try again in a moment, use fewer connections, or raise `TUREEN_MAX_CONNECTIONS`.',
  },
  TUREEN_TOO_MANY_FILES: {
    status: 503,
    title: 'The server has too many open files',
    help: 'Try again when the server is less busy, or raise `ulimit -n`.',
  },
  TUREEN_OUT_OF_MEMORY: {
    status: 503,
    title: 'The server has reached its memory limit',
    help: 'Raise `ulimit -v` of the server, or remove that limit.',
  },
  TUREEN_NOT_READY: {
    status: 503,
    title: 'The server cannot serve requests at the moment',
    help: '`errors` names the part of the store that does not answer: `catalog` or `content`. Check the disk under `TUREEN_DATA`, and the database of `TUREEN_DATABASE_URL` if it is set.',
  },
  TUREEN_SHUTTING_DOWN: {
    status: 503,
    title: 'The server is shutting down',
    help: 'Send the request again, to the server that takes over.',
  },
  TUREEN_STORE_FULL: {
    status: 507,
    title: 'The store is full',
    help: 'Delete models or data sets, enlarge the volume, or raise `TUREEN_MAX_STORE_BYTES`.',
  },
} as const satisfies ErrorEntries
