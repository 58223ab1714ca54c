import type { TureenClient } from '../client/index.ts'
import { TureenProblem } from '../client/index.ts'
import type { DatasetItem } from '../schemas/dataset.ts'
import type { ExportItem } from '../schemas/export.ts'
import type { JobItem } from '../schemas/job.ts'
import type { ModelItem } from '../schemas/model.ts'
import type { PlaceOptions } from './connection.ts'
import { hasRecords } from './inputs.ts'
import { CommandFailure, UsageMistake } from './mistakes.ts'

/** A record of a server or a store. */
export type HeldRecord =
  | { kind: 'model'; record: ModelItem }
  | { kind: 'data set'; record: DatasetItem }
  | { kind: 'export'; record: ExportItem }
  | { kind: 'job'; record: JobItem }

/** Checks that a command has records to work on. @throws UsageMistake without a server and a store */
export function requireRecords(options: PlaceOptions): void {
  if (hasRecords(options)) return
  throw new UsageMistake(
    'There are no records without a server or a store. Name a server with --server or TUREEN_URL, or a store with --store.',
  )
}

/** Returns the record that an id names, or a digest of a model, data set or export. @throws CommandFailure if there is none */
export async function findRecord(client: TureenClient, id: string, signal: AbortSignal): Promise<HeldRecord> {
  const model = await unlessUnknown(() => client.getModel(id, { signal }))
  if (model) return { kind: 'model', record: model }
  const dataset = await unlessUnknown(() => client.getDataset(id, { signal }))
  if (dataset) return { kind: 'data set', record: dataset }
  const found = await unlessUnknown(() => client.getExport(id, { signal }))
  if (found) return { kind: 'export', record: found }
  const job = await unlessUnknown(() => client.getJob(id, { signal }))
  if (job) return { kind: 'job', record: job }
  throw new CommandFailure(`There is no model, data set, export or job ${id}.`, [
    'tureen ls and tureen jobs show the ids.',
  ])
}

async function unlessUnknown<Found>(get: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await get()
  } catch (error) {
    if (error instanceof TureenProblem && error.status === 404) return undefined
    throw error
  }
}

/** Returns documents as `--json` writes them: one as it is, several as a list. */
export function oneOrList(documents: readonly object[]): object {
  const [only] = documents
  return documents.length === 1 && only ? only : { items: documents }
}
