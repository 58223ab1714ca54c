/**
 * The error catalogue: each refusal and failure of the API has one stable code and one HTTP status here.
 * `help`, in Markdown, says what the client or the operator can do. `npm run build:docs` writes `docs/reference/errors.md` from it.
 */
export const errorCatalogue = {
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
    title: 'A job that has not ended needs this record',
    help: 'Wait for the job that `errors` names, or cancel it.',
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
  TUREEN_IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    help: 'Give every request its own key. Repeat a key only with an unchanged request.',
  },
  TUREEN_MODEL_LIMIT: {
    status: 422,
    title: 'The model exceeds a limit',
    help: 'The model exceeds a limit of the reader. `detail` names it.',
  },
  TUREEN_TASK_TIMEOUT: {
    status: 422,
    title: 'The models take longer than a worker thread may spend on them',
    help: 'Use models with fewer nodes and tensors, or raise `TUREEN_TASK_SECONDS`.',
  },
  TUREEN_MODEL_UNSUPPORTED: {
    status: 422,
    title: 'The model uses something that is not supported',
    help: 'The model uses a feature that the server does not support. `detail` says how to export it otherwise.',
  },
  TUREEN_CHECKPOINT_UNSUPPORTED: {
    status: 422,
    title: 'The checkpoint is in a form that is not read',
    help: 'The file pickles objects of code, or is one shard of many. `detail` names what was found, and the lines of Python that save its weights: [Checkpoints](../guides/checkpoints.md).',
  },
  TUREEN_CHECKPOINT_UNSUITABLE: {
    status: 422,
    title: 'A checkpoint cannot stand here',
    help: 'A checkpoint has weights and no graph. It can be merged and compared with other checkpoints. For everything else, export it to ONNX and upload that.',
  },
  TUREEN_MODELS_DIFFER: {
    status: 422,
    title: 'The models are not variants of one network',
    help: 'The models are not one network. Export them in the same way. `errors` lists every difference.',
  },
  TUREEN_NON_FLOAT_DIFFERS: {
    status: 422,
    title: 'Tensors that are never averaged differ between the models',
    help: 'Values that are never averaged differ between the models. `"nonFloat": "base"` takes those of the base.',
  },
  TUREEN_WEIGHTS_INVALID: {
    status: 422,
    title: 'The weights do not make an average',
    help: 'Change the weights so that their sum is not 0, or send `"normalize": false`.',
  },
  TUREEN_NOT_FINITE: {
    status: 422,
    title: 'A model or the soup holds NaN or infinite weights',
    help: '`errors` names each model and tensor. Leave the model out, give it weight 0, or send `"onNonFinite": "warn"`.',
  },
  TUREEN_RULE_UNMATCHED: {
    status: 422,
    title: 'A rule matches no tensor',
    help: '`errors` names the rule or group. `GET /v1/models/{id}/tensors` lists the names that a glob can match.',
  },
  TUREEN_BLOCKS_UNKNOWN: {
    status: 422,
    title: 'The blocks of the network are not those that the request needs',
    help: '`detail` names the tensors that belong to no known block, or the blocks that were found. Export with names of modules, let gradients run `"by": "graph"`, or correct `blocks`.',
  },
  TUREEN_OUTPUT_DTYPE_IMPOSSIBLE: {
    status: 422,
    title: 'The graph does not allow weights of this type',
    help: '`errors` names the nodes that do not take the type. Leave `outputDtype` out, choose another type, or export with a newer opset.',
  },
  TUREEN_RECALIBRATION_IMPOSSIBLE: {
    status: 422,
    title: 'The statistics of batch norms cannot be measured',
    help: '`detail` names each batch norm that cannot be measured, and the reason. Leave `recalibrate` out, or export with batch norms kept.',
  },
  TUREEN_SEARCH_TOO_LARGE: {
    status: 422,
    title: 'The search would need too many candidates',
    help: 'Search greedily, search fewer models, or raise `maxModels`.',
  },
  TUREEN_CONSTRAINTS_UNMET: {
    status: 422,
    title: 'No candidate of the search is good enough in all terms',
    help: '`errors` names each term with the best score of any candidate and the score that `atLeast` needs. Relax `atLeast`, or search more candidates. All scores are kept, so the search costs little again.',
  },
  TUREEN_METRIC_MISMATCH: {
    status: 422,
    title: 'The scoring metric does not fit the output and the target',
    help: '`detail` says what output and target hold, and what the scoring metric takes. Choose another metric, output or target.',
  },
  TUREEN_DATASET_UNSUPPORTED: {
    status: 422,
    title: 'The data set uses something that is not supported',
    help: 'The data set holds an array that the server does not read, such as pickled objects. `detail` says how to save it instead.',
  },
  TUREEN_DATASET_MISMATCH: {
    status: 422,
    title: 'The data set does not fit the model',
    help: 'The model takes another array, or values of another type. `detail` names the array and the input.',
  },
  TUREEN_EVALUATION_FAILED: {
    status: 422,
    title: 'The model could not be run',
    help: 'onnxruntime refused the model or its inputs. `detail` has its reason.',
  },
  TUREEN_JOB_ATTEMPTS_EXHAUSTED: {
    status: 422,
    title: 'The server died in three starts of the job',
    help: 'The server crashed, ran out of memory or was killed during three starts of the job in a row. The job kept no new score in between, and ran alone at last. `errors` names the inputs. Look for the cause in the logs of the server and the kernel, then start the job again: [Durability](../concepts/durability.md#when-the-server-dies).',
  },
  TUREEN_EXTERNAL_IDLE: {
    status: 422,
    title: 'No scorer worked for the search',
    help: 'The search waited for scores, and no scorer asked for a candidate in `TUREEN_EXTERNAL_IDLE_SECONDS`. Start a scorer, then post the search again: it goes on with the scores that were kept.',
  },
  TUREEN_EVALUATION_CRASHED: {
    status: 422,
    title: 'The model crashed the process that ran it',
    help: 'The model crashed the evaluator, the child process that ran it, or made it write something that is no answer. The server and other jobs are not affected.',
  },
  TUREEN_EVALUATION_MEMORY: {
    status: 422,
    title: 'The model takes more memory than an evaluation may',
    help: 'Evaluate with a smaller `batchSize`, or raise `TUREEN_EVAL_MEMORY`.',
  },
  TUREEN_EVALUATION_TIMEOUT: {
    status: 422,
    title: 'The model runs longer than an evaluation may',
    help: 'Evaluate fewer samples (`limit`), or raise `TUREEN_EVAL_SECONDS`.',
  },
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
} as const satisfies Record<string, { status: number; title: string; help: string }>

export type ErrorCode = keyof typeof errorCatalogue

/** Codes whose errors have no causes, because a client can neither look at the fault nor change it. */
export const causelessCodes = [
  'TUREEN_INTERNAL',
  'TUREEN_SHUTTING_DOWN',
  'TUREEN_CATALOG_UNAVAILABLE',
  'TUREEN_JOB_CANCELLED',
] as const satisfies readonly ErrorCode[]

export type CauselessCode = (typeof causelessCodes)[number]
