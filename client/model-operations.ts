import type { z } from 'zod'
import type { RecordChange } from '../schemas/common.ts'
import type { StoredRecipe } from '../schemas/merge.ts'
import type {
  contentParameters,
  ModelItem,
  ModelRecord,
  modelFilters,
  modelPage,
  TensorSummary,
  tensorPage,
  tensorParameters,
} from '../schemas/model.ts'
import type { scorePage, scoreParameters } from '../schemas/score.ts'
import { type DownloadOptions, download, headOf } from './content.ts'
import { type Exchange, readJson, readNothing } from './exchange.ts'
import { type Filters, filterQuery, type RecordFields, recordQuery } from './filters.ts'
import type { GuardedOptions, RequestOptions } from './settings.ts'
import { type FileBytes, formUpload, rawUpload, type Uploadable, type UploadOptions } from './uploads.ts'

/**
 * A model or a checkpoint to upload. `data`: its external data, by the locations that the model writes; then `file` cannot be a stream. `root`: the
 * place of the dict of tensors in a file of torch.save.
 */
export type ModelUploadRequest = RecordFields & { root?: string | undefined } & (
    | { file: Uploadable; data?: undefined }
    | { file: FileBytes; data: Readonly<Record<string, FileBytes>> }
  )

/** Options of an upload of external data. */
export type DataUploadOptions = Omit<UploadOptions, 'idempotencyKey'> &
  GuardedOptions & {
    /** `*`: only if the file is not there yet. */
    ifNoneMatch?: '*'
  }

type ContentParameters = Filters<typeof contentParameters>

/** Operations on models and their files. `id`: the id of a model, or the digest of its content. */
export function modelOperations(exchange: Exchange) {
  const { send } = exchange
  const contentOf = (id: string) => ({ get: 'getModelContent', head: 'headModelContent', values: { id } }) as const
  const namedContentOf = (id: string, filename: string) =>
    ({ get: 'getModelContentAs', head: 'headModelContentAs', values: { id, filename } }) as const
  const dataOf = (id: string, location: string) =>
    ({ get: 'getModelData', head: 'headModelData', values: { id, location } }) as const

  /** Resolves with the recipe that makes a soup again; as a YAML text if `as` says so. */
  function getModelRecipe(id: string, options?: RequestOptions & { as?: 'json' }): Promise<StoredRecipe>
  function getModelRecipe(id: string, options: RequestOptions & { as: 'yaml' }): Promise<string>
  function getModelRecipe(id: string, options: RequestOptions & { as?: 'json' | 'yaml' } = {}) {
    if (options.as !== 'yaml') return send('getModelRecipe', { id }, { options }, readJson<StoredRecipe>)
    const headers = { accept: 'application/yaml' }
    return send('getModelRecipe', { id }, { headers, options }, response => response.text())
  }

  return {
    /** Uploads a model. The same bytes with the same name and labels are one record. */
    async createModel(model: ModelUploadRequest, options: UploadOptions = {}): Promise<ModelRecord> {
      const { body, headers } = await (model.data === undefined
        ? rawUpload(model.file, options)
        : formUpload([{ field: 'model', location: 'model.onnx', file: model.file }, ...dataParts(model.data)], options))
      const call = { query: recordQuery(model), body, headers, onSent: options.onProgress, options }
      return send('createModel', {}, call, readJson<ModelRecord>)
    },
    /** Uploads a model by PUT. It differs from `createModel` only for proxies. */
    async putModel(
      { file, ...fields }: RecordFields & { name: string; file: Uploadable; root?: string | undefined },
      options: UploadOptions = {},
    ): Promise<ModelRecord> {
      const { body, headers } = await rawUpload(file, options)
      const call = { query: recordQuery(fields), body, headers, onSent: options.onProgress, options }
      return send('putModel', {}, call, readJson<ModelRecord>)
    },
    /** Uploads one file of external data. `location`: as the model writes it. */
    async putModelData(
      id: string,
      location: string,
      file: Uploadable,
      options: DataUploadOptions = {},
    ): Promise<ModelRecord> {
      const { body, headers } = await rawUpload(file, options)
      const guarded = { ...headers, ...(options.ifNoneMatch ? { 'if-none-match': options.ifNoneMatch } : {}) }
      const call = { body, headers: guarded, onSent: options.onProgress, options }
      return send('putModelData', { id, location }, call, readJson<ModelRecord>)
    },
    /** One page of models. Without `sort`, the newest come first. */
    listModels: (filters: Filters<typeof modelFilters> = {}, options?: RequestOptions) =>
      send('listModels', {}, { query: filterQuery(filters), options }, readJson<z.infer<typeof modelPage>>),
    getModel: (id: string, options?: RequestOptions) => send('getModel', { id }, { options }, readJson<ModelItem>),
    /** Renames a model, or sets and removes labels: null removes one. */
    updateModel: (id: string, change: RecordChange, options?: GuardedOptions) =>
      send('updateModel', { id }, { body: JSON.stringify(change), options }, readJson<ModelRecord>),
    deleteModel: (id: string, options?: GuardedOptions) => send('deleteModel', { id }, { options }, readNothing),
    /** One page of tensors, in the order of the file. */
    listModelTensors: (id: string, filters: Filters<typeof tensorParameters> = {}, options?: RequestOptions) =>
      send('listModelTensors', { id }, { query: filterQuery(filters), options }, readJson<z.infer<typeof tensorPage>>),
    /** Moments, norm and histogram of one tensor. `tensor`: its name, or its place. */
    getTensorSummary: (id: string, tensor: string, options?: RequestOptions) =>
      send('getTensorSummary', { id }, { query: { tensor }, options }, readJson<TensorSummary>),
    /** One page of kept scores, newest first. */
    listModelScores: (id: string, filters: Filters<typeof scoreParameters> = {}, options?: RequestOptions) =>
      send('listModelScores', { id }, { query: filterQuery(filters), options }, readJson<z.infer<typeof scorePage>>),
    getModelRecipe,
    /** Downloads the file of a model or checkpoint. */
    getModelContent: (id: string, { external, format, ...options }: ContentParameters & DownloadOptions = {}) =>
      download(exchange, contentOf(id), { external, format }, options),
    headModelContent: (id: string, { external, format, ...options }: ContentParameters & RequestOptions = {}) =>
      headOf(exchange, { get: 'headModelContent', values: { id } }, { external, format }, options),
    /** Downloads the file under a file name. It differs from `getModelContent` only for proxies and logs. */
    getModelContentAs: (
      id: string,
      filename: string,
      { external, format, ...options }: ContentParameters & DownloadOptions = {},
    ) => download(exchange, namedContentOf(id, filename), { external, format }, options),
    headModelContentAs: (
      id: string,
      filename: string,
      { external, format, ...options }: ContentParameters & RequestOptions = {},
    ) => headOf(exchange, { get: 'headModelContentAs', values: { id, filename } }, { external, format }, options),
    /** Downloads one file of external data. */
    getModelData: (id: string, location: string, options?: DownloadOptions) =>
      download(exchange, dataOf(id, location), {}, options),
    headModelData: (id: string, location: string, options?: RequestOptions) =>
      headOf(exchange, { get: 'headModelData', values: { id, location } }, {}, options),
  }
}

/** Returns external data as parts of a form. */
export function dataParts(data: Readonly<Record<string, FileBytes>> = {}) {
  return Object.entries(data).map(([location, file]) => ({ field: 'data', location, file }))
}
