import type { ErrorEntries } from './error-entry.ts'

/** Requests that are refused by their form, their rights, or the state of the record that they name. */
export const refusedRequests = {
  TUREEN_REQUEST_INVALID: {
    status: 400,
    title: 'The request is malformed',
    help: 'Correct the field that `errors` names.',
  },
  TUREEN_BODY_MALFORMED: {
    status: 400,
    title: 'The body cannot be read',
    help: 'The body does not have the form that its content type says, or it was cut off. Correct it, or send it again.',
  },
  TUREEN_DIGEST_MISMATCH: {
    status: 400,
    title: 'The content does not have the digest that the request declares',
    help: 'The body does not match `Content-Digest` or `Repr-Digest`. Send it again.',
  },
  TUREEN_NOT_ONNX: {
    status: 400,
    title: 'The file is neither an ONNX model nor a checkpoint',
    help: '`detail` names the kind of file that was sent, and what to upload instead.',
  },
  TUREEN_MODEL_MALFORMED: {
    status: 400,
    title: 'The ONNX model is malformed',
    help: 'The file is damaged. Export or download it again. `onnx.checker` may tell more.',
  },
  TUREEN_CHECKPOINT_MALFORMED: {
    status: 400,
    title: 'The checkpoint is malformed',
    help: 'The file is damaged or cut off. Save or download it again. `detail` says what contradicts what.',
  },
  TUREEN_DATASET_MALFORMED: {
    status: 400,
    title: 'The data set is malformed',
    help: 'The data set is damaged, or its arrays do not belong together. `detail` names the file or array. Save it again.',
  },
  TUREEN_UNAUTHENTICATED: {
    status: 401,
    title: 'A token is needed',
    help: 'Send the header `Authorization: Bearer TOKEN` with a token that the operator has set.',
  },
  TUREEN_FORBIDDEN: {
    status: 403,
    title: 'The token may not do this',
    help: 'Use a token of the scope that `detail` names.',
  },
  TUREEN_CROSS_ORIGIN: {
    status: 403,
    title: 'A page of another origin may not do this',
    help: 'A browser sent the request for a page of another origin. Add that origin to `TUREEN_CORS_ORIGINS`. Behind a proxy that changes Host, add the name of the page to `TUREEN_HOSTS`.',
  },
  TUREEN_NOT_FOUND: {
    status: 404,
    title: 'Nothing is here',
    help: 'No resource has this path or id. For external data: the model does not name this location.',
  },
  TUREEN_METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The resource does not have this HTTP method',
    help: 'Use one of the HTTP methods that the header `Allow` lists.',
  },
  TUREEN_REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Send the request faster. An upload must come at `TUREEN_MIN_RATE` bytes a second; a JSON or YAML body must be complete after `TUREEN_BODY_SECONDS`.',
  },
  TUREEN_IN_USE: {
    status: 409,
    title: 'A job that has not ended, or an export, needs this record',
    help: 'Wait for the job that `errors` names, or cancel it. Delete the export that `errors` names first.',
  },
  TUREEN_MODEL_INCOMPLETE: {
    status: 409,
    title: 'The model lacks some of its data',
    help: 'The model lacks external data. Send each location that `missing` in its record lists: `PUT /v1/models/{id}/data/{location}`.',
  },
  TUREEN_MODEL_COMPLETE: {
    status: 409,
    title: 'The model has all of its data already',
    help: 'A complete model never changes. Upload another model.',
  },
  TUREEN_JOB_FINISHED: {
    status: 409,
    title: 'The job has already ended',
    help: 'The job has ended. Nothing is left to cancel, and its candidates have no content any more.',
  },
  TUREEN_NOT_EXTERNAL: {
    status: 409,
    title: 'The job is no search with scores from outside',
    help: 'Only a search whose `selection` or `test` names an `external` scorer has leases and candidates. Start such a search, or correct the id.',
  },
  TUREEN_LEASE_EXPIRED: {
    status: 409,
    title: 'The lease has expired',
    help: 'Its candidates go to the next scorer. Ask for a new lease. A score that you have already is still taken if the candidate has none.',
  },
  TUREEN_CANDIDATE_SCORED: {
    status: 409,
    title: 'The candidate has another outcome already',
    help: 'An outcome of a candidate never changes: `detail` names it. Go on with the next candidate. To score anew, change `version` of the scorer in a new search.',
  },
  TUREEN_IDEMPOTENCY_KEY_BUSY: {
    status: 409,
    title: 'The first request with this idempotency key is still running',
    help: 'Send the request again after the seconds in `Retry-After`. It then gets the answer of the first request.',
  },
  TUREEN_JOB_CANCELLED: {
    status: 409,
    title: 'The job was cancelled',
    help: 'A client cancelled the job. Start it again if you still need it.',
  },
  TUREEN_PRECONDITION_FAILED: {
    status: 412,
    title: 'The resource is not in the state that the request asks for',
    help: 'The resource has changed. Read it again, then decide whether to repeat the request.',
  },
  TUREEN_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    help: 'Send less, or raise `TUREEN_MAX_UPLOAD_BYTES`. JSON may have 1 MiB and 30,000 values (the outcome of a candidate 3 MiB and 110,000), YAML 128 KiB.',
  },
  TUREEN_UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The resource does not take this content type',
    help: '`detail` names the content types that the route takes.',
  },
  TUREEN_RANGE_NOT_SATISFIABLE: {
    status: 416,
    title: 'The range lies outside the content',
    help: 'Ask for a range inside the content.',
  },
  TUREEN_EXPECTATION_FAILED: {
    status: 417,
    title: 'The expectation cannot be met',
    help: 'Leave the header `Expect` out. The server knows `100-continue` only.',
  },
  TUREEN_HOST_UNKNOWN: {
    status: 421,
    title: 'The server does not answer under this name',
    help: 'Call the server as localhost or by a loopback address, or add the name to `TUREEN_HOSTS`.',
  },
} as const satisfies ErrorEntries
