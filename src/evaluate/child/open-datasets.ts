import { type Dataset, openDataset } from '../datasets/dataset.ts'
import type { DatasetTask, SoupSource, Task } from '../protocol.ts'

export type OpenDataset = (task: DatasetTask) => Promise<Dataset>

/** Returns the open data sets of this process. A data set stays open for the next task that needs it; `keepFor` closes the others. */
export function openDatasets(): { keepFor(message: Task): Promise<void>; open: OpenDataset } {
  const held = new Map<string, Dataset>()
  return {
    async keepFor(message) {
      const needed = new Set(needs(message).map(keyOf))
      for (const [key, dataset] of held) {
        if (needed.has(key)) continue
        held.delete(key)
        await dataset.close()
      }
    },
    async open(task) {
      const key = keyOf(task)
      const dataset = held.get(key) ?? (await openDataset(task.files))
      held.set(key, dataset)
      return dataset
    },
  }
}

function keyOf({ files }: DatasetTask): string {
  return JSON.stringify(files.map(({ path }) => path))
}

function needs(message: Task): DatasetTask[] {
  switch (message.type) {
    case 'measure':
      return [message.task.calibration.dataset]
    case 'evaluate':
      return [message.task.dataset]
    case 'score': {
      const { terms, datasets, soups } = message.task
      return [...terms.map(({ dataset }) => dataset), ...datasets, ...calibrationData(soups)]
    }
    case 'compare':
    case 'tellMistakes':
      return [message.task.dataset, ...calibrationData(message.task.soups)]
  }
}

function calibrationData({ calibration }: SoupSource): DatasetTask[] {
  return calibration ? [calibration.dataset] : []
}
