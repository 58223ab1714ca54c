import type { z } from 'zod'
import type { RecordChange } from '../schemas/common.ts'
import type { DatasetItem, DatasetRecord, datasetFilters, datasetPage } from '../schemas/dataset.ts'
import { type Exchange, readJson, readNothing } from './exchange.ts'
import { type Filters, filterQuery, type RecordFields, recordQuery } from './filters.ts'
import type { GuardedOptions, RequestOptions } from './settings.ts'
import { type FileBytes, formUpload, rawUpload, type Uploadable, type UploadOptions } from './uploads.ts'

/** A data set to upload: one .npz file, or `files` by their names, such as shards, or input_0.pb and output_0.pb. */
export type DatasetUploadRequest = RecordFields &
  ({ file: Uploadable; files?: undefined } | { files: Readonly<Record<string, FileBytes>> })

/** Operations on data sets. `id`: the id of a data set, or the digest of its content. */
export function datasetOperations({ send }: Exchange) {
  return {
    async createDataset(dataset: DatasetUploadRequest, options: UploadOptions = {}): Promise<DatasetRecord> {
      const { body, headers } = await (dataset.files === undefined
        ? rawUpload(dataset.file, options)
        : formUpload(
            Object.entries(dataset.files).map(([location, file]) => ({ field: 'data', location, file })),
            options,
          ))
      const call = { query: recordQuery(dataset), body, headers, onSent: options.onProgress, options }
      return send('createDataset', {}, call, readJson<DatasetRecord>)
    },
    /** One page of data sets. Without `sort`, the newest come first. */
    listDatasets: (filters: Filters<typeof datasetFilters> = {}, options?: RequestOptions) =>
      send('listDatasets', {}, { query: filterQuery(filters), options }, readJson<z.infer<typeof datasetPage>>),
    getDataset: (id: string, options?: RequestOptions) =>
      send('getDataset', { id }, { options }, readJson<DatasetItem>),
    /** Renames a data set, or sets and removes labels: null removes one. */
    updateDataset: (id: string, change: RecordChange, options?: GuardedOptions) =>
      send('updateDataset', { id }, { body: JSON.stringify(change), options }, readJson<DatasetRecord>),
    deleteDataset: (id: string, options?: GuardedOptions) => send('deleteDataset', { id }, { options }, readNothing),
  }
}
