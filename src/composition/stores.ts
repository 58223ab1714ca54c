import type { Config } from '../config.ts'
import { createDatasetStore } from '../datasets/dataset-store.ts'
import { createExportStore } from '../exports/export-store.ts'
import { createKeptScores } from '../jobs/kept-scores.ts'
import { createModelStore } from '../models/model-store.ts'
import { createIdempotencyKeys } from '../storage/idempotency-keys.ts'
import { createScores } from '../storage/scores.ts'
import type { Engine } from './engine.ts'
import type { Storage } from './storage.ts'

/** The stores of records, scores and idempotency keys. */
export type RecordStores = ReturnType<typeof createStores>

/** Returns the stores of models, data sets, exports, scores and idempotency keys. @param clock milliseconds since 1970 */
export function createStores(
  { retention, role }: Pick<Config, 'retention' | 'role'>,
  { catalog, contentFiles, contents, reserve }: Storage,
  { threads, evaluators }: Engine,
  clock: () => number,
) {
  return {
    models: createModelStore(catalog, contentFiles, contents, threads),
    // A new data set is the first sign that evaluators will be needed.
    datasets: createDatasetStore(
      catalog,
      contentFiles,
      contents,
      threads,
      role === 'api' ? () => undefined : evaluators.warm,
    ),
    exports: createExportStore(catalog, threads, reserve),
    scores: createKeptScores(createScores(catalog)),
    keys: createIdempotencyKeys(catalog, retention.idempotencySeconds, clock),
  }
}
