type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * An operation of the API: its HTTP method and path.
 *
 * `keyed`: takes an Idempotency-Key, which makes a repeat safe. `once`: a repeat is not safe, unless the server has refused the request.
 */
type ApiOperation<Path extends string> = { method: HttpMethod; path: Path; keyed?: true; once?: true }

const get = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'GET', path })
const head = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'HEAD', path })
const put = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'PUT', path })
const patch = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'PATCH', path })
const remove = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'DELETE', path })
const post = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'POST', path })
const create = <const Path extends string>(path: Path): ApiOperation<Path> => ({ method: 'POST', path, keyed: true })

/** Every operation of the API, by its operationId. A test compares the table with the OpenAPI document of a server. */
export const operations = {
  getLiveness: get('/healthz'),
  getInferenceLiveness: get('/v2/health/live'),
  getReadiness: get('/readyz'),
  getInferenceReadiness: get('/v2/health/ready'),
  getUsage: get('/v1/usage'),
  getServiceMetrics: get('/metrics'),

  createModel: create('/v1/models'),
  putModel: { ...put('/v1/models'), keyed: true },
  listModels: get('/v1/models'),
  getModel: get('/v1/models/{id}'),
  updateModel: patch('/v1/models/{id}'),
  deleteModel: remove('/v1/models/{id}'),
  listModelTensors: get('/v1/models/{id}/tensors'),
  getTensorSummary: get('/v1/models/{id}/tensor-summary'),
  listModelScores: get('/v1/models/{id}/scores'),
  getModelRecipe: get('/v1/models/{id}/recipe'),
  putModelData: put('/v1/models/{id}/data/{location}'),
  getModelData: get('/v1/models/{id}/data/{location}'),
  headModelData: head('/v1/models/{id}/data/{location}'),
  getModelContent: get('/v1/models/{id}/content'),
  headModelContent: head('/v1/models/{id}/content'),
  getModelContentAs: get('/v1/models/{id}/content/{filename}'),
  headModelContentAs: head('/v1/models/{id}/content/{filename}'),

  createDataset: create('/v1/datasets'),
  listDatasets: get('/v1/datasets'),
  getDataset: get('/v1/datasets/{id}'),
  updateDataset: patch('/v1/datasets/{id}'),
  deleteDataset: remove('/v1/datasets/{id}'),

  createExport: create('/v1/exports'),
  listExports: get('/v1/exports'),
  getExport: get('/v1/exports/{id}'),
  deleteExport: remove('/v1/exports/{id}'),
  createConversion: create('/v1/exports/{id}/models'),

  makeSoup: post('/v1/soup'),
  listMergeMethods: get('/v1/methods'),
  listScoringMetrics: get('/v1/metrics'),
  createMerge: create('/v1/merges'),
  createComparison: create('/v1/comparisons'),
  createSearch: create('/v1/searches'),
  createEvaluation: create('/v1/evaluations'),

  listJobs: get('/v1/jobs'),
  getJob: get('/v1/jobs/{id}'),
  listMistakes: get('/v1/jobs/{id}/mistakes'),
  deleteJob: remove('/v1/jobs/{id}'),
  cancelJob: { ...post('/v1/jobs/{id}/cancel'), once: true },
  getJobEvents: get('/v1/jobs/{id}/events'),

  // A lost answer is a lease that nobody works on, until it expires.
  createLease: { ...post('/v1/jobs/{id}/leases'), once: true },
  updateLease: patch('/v1/jobs/{id}/leases/{lease}'),
  deleteLease: remove('/v1/jobs/{id}/leases/{lease}'),
  listCandidates: get('/v1/jobs/{id}/candidates'),
  getCandidate: get('/v1/jobs/{id}/candidates/{candidate}'),
  putCandidateScore: put('/v1/jobs/{id}/candidates/{candidate}/score'),
  getCandidateContent: get('/v1/jobs/{id}/candidates/{candidate}/content'),
  headCandidateContent: head('/v1/jobs/{id}/candidates/{candidate}/content'),
  getCandidateData: get('/v1/jobs/{id}/candidates/{candidate}/data/{location}'),
  headCandidateData: head('/v1/jobs/{id}/candidates/{candidate}/data/{location}'),
} as const satisfies Record<string, ApiOperation<string>>

/** The name of an operation, as `operationId` in the OpenAPI document. */
export type OperationId = keyof typeof operations

type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never

/** The values for the places in the path of an operation, such as `id`. */
export type PathValues<Id extends OperationId> = Record<NamesIn<(typeof operations)[Id]['path']>, string>

/** Returns what the table says about an operation. */
export function operationOf(id: OperationId): ApiOperation<string> {
  return operations[id]
}
