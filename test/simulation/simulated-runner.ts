import { setTimeout as delay } from 'node:timers/promises'
import { insertDataset } from '../../src/datasets/dataset-records.ts'
import type { DatasetStore } from '../../src/datasets/dataset-store.ts'
import { TureenError } from '../../src/errors.ts'
import type { JobRunner } from '../../src/jobs/job-runner.ts'
import { untilAvailable } from '../../src/jobs/until-available.ts'
import type { ContentFiles } from '../../src/storage/content/content-files.ts'
import type { ContentStore } from '../../src/storage/content/content-store.ts'
import type { Contents } from '../../src/storage/contents.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { createScores } from '../../src/storage/scores.ts'
import type { SharedParts } from './shared-parts.ts'
import { streamOf } from './simulated-bucket.ts'
import type { Actor } from './virtual-time.ts'

/** What a job does in each of its runs. `death`: the step at which it ends its process; null: none. */
export type JobPlan = {
  steps: number
  milliseconds: number
  isFailing: boolean
  keepsScores: boolean
  death: number | null
}

/** The services of a process that its runner needs. */
export type RunnerProcess = {
  actor: Actor
  catalog: Catalog
  datasets: DatasetStore
  contents: Contents
  contentFiles: ContentFiles
  content: ContentStore
}

/** Returns a runner that does what a merge does: it leases content, reports progress, and makes new content with a record. */
export function simulatedRunner(parts: SharedParts, process: RunnerProcess): JobRunner<'comparison'> {
  const { datasets, contents, contentFiles, catalog } = process
  const scores = createScores(catalog)
  return untilAvailable(async (request, { id, signal, progress, succeed }) => {
    const plan = parts.planOf(id)
    const work = async () => {
      for (let step = 0; step < plan.steps; step += 1) {
        await delay(plan.milliseconds, undefined, { signal })
        if (plan.death === step) parts.kill(process.actor)
        progress({ done: step + 1, total: plan.steps, message: 'steps' })
        if (plan.keepsScores) await scores.put([{ parts: [id, step], models: [], value: { value: step } }], id)
      }
      if (plan.isFailing)
        throw new TureenError('TUREEN_NOT_FOUND', 'The job fails.', [{ job: id, message: 'fails as planned' }])
      const file = await contentFiles.receive(streamOf(`result of ${id}`))
      const { sha256, bytes } = file
      const name = `result of ${id}`
      await contents.add([file], settle =>
        succeed(async transaction => {
          await settle(transaction)
          const files = [{ name: 'result.npz', sha256, bytes }]
          const description = { kind: 'npz' as const, samples: 1, arrays: [] }
          await insertDataset(transaction, { sha256, files, description, name, labels: {}, expiresAt: null })
          return { pairs: [], warnings: [] }
        }),
      )
    }
    const inputs = request.models.map(async model => {
      const found = await datasets.get(model.id)
      return { id: found.id, files: datasets.files(found) }
    })
    const nest = async ([first, ...rest]: Awaited<(typeof inputs)[number]>[]): Promise<void> =>
      first ? datasets.whileSound(first, signal, () => nest(rest)) : work()
    await nest(await Promise.all(inputs))
  })
}
