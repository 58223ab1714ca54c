import type { z } from 'zod'
import type { conversionBody } from '../schemas/conversion.ts'
import type { ExportItem, exportFilters, exportPage, exportRequest } from '../schemas/export.ts'
import type { JobOf } from '../schemas/job.ts'
import { type Exchange, readJson, readNothing } from './exchange.ts'
import { type Filters, filterQuery } from './filters.ts'
import type { CreationOptions, GuardedOptions, RequestOptions } from './settings.ts'
import { type JobWait, startJob } from './start-job.ts'

/** Operations on exports. `id`: the id of an export, or its digest. */
export function exportOperations(exchange: Exchange) {
  const { send } = exchange
  return {
    /** Finds how the weights of an ONNX model follow from the checkpoint that it was exported from. */
    createExport: (
      body: z.input<typeof exportRequest>,
      options?: CreationOptions & JobWait,
    ): Promise<JobOf<'export'>> => startJob(exchange, 'createExport', {}, body, options),
    /** Makes the ONNX model of a checkpoint. */
    createConversion: (
      id: string,
      body: z.input<typeof conversionBody>,
      options?: CreationOptions & JobWait,
    ): Promise<JobOf<'conversion'>> => startJob(exchange, 'createConversion', { id }, body, options),
    /** One page of exports without their lists. Without `sort`, the newest come first. */
    listExports: (filters: Filters<typeof exportFilters> = {}, options?: RequestOptions) =>
      send('listExports', {}, { query: filterQuery(filters), options }, readJson<z.infer<typeof exportPage>>),
    getExport: (id: string, options?: RequestOptions) => send('getExport', { id }, { options }, readJson<ExportItem>),
    deleteExport: (id: string, options?: GuardedOptions) => send('deleteExport', { id }, { options }, readNothing),
  }
}
