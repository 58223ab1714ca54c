import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { catalogSchema } from './database/simulated-postgres.ts'
import type { Mutant } from './mutants.ts'
import type { SeedResult } from './run-seed.ts'
import type { SeedRequest, WorkerSettings } from './seed-worker.ts'
import { entriesTable } from './simulated-entries.ts'

/** Results of many seeds. `prints`: see {@link SeedResult}; `failing`: those whose invariants do not hold, each with its trace. */
export type SeedsResult = { seeds: number; steps: number; prints: Map<number, number>; failing: SeedResult[] }

/** Seeds to run: `count` of them from `first` on, until one fails. `threads`: those that run at a time; `mutant`: a fault to plant. */
export type SeedRange = { first: number; count: number; threads: number; mutant?: Mutant | undefined }

/** Runs seeds in threads of their own, whose clocks are virtual. */
export async function runSeeds({ first, count, threads, mutant }: SeedRange): Promise<SeedsResult> {
  const directory = await mkdtemp(join(tmpdir(), 'tureen-simulation-'))
  const schema = [...(await catalogSchema(directory)), entriesTable]
  await rm(directory, { recursive: true })
  const result: SeedsResult = { seeds: 0, steps: 0, prints: new Map(), failing: [] }
  let next = first
  const work = async () => {
    const worker = new Worker(new URL('./seed-worker.ts', import.meta.url), {
      workerData: { schema, mutant } satisfies WorkerSettings,
    })
    const run = async (request: SeedRequest): Promise<SeedResult> => {
      worker.postMessage(request)
      const [answer] = await once(worker, 'message')
      return answer
    }
    try {
      while (next < first + count && result.failing.length === 0) {
        const seed = next
        next += 1
        const outcome = await run({ seed, isTraced: false })
        result.seeds += 1
        result.steps += outcome.steps
        result.prints.set(seed, outcome.print)
        if (outcome.violation !== undefined) result.failing.push(await run({ seed, isTraced: true }))
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: threads }, work))
  result.failing.sort((a, b) => a.seed - b.seed)
  return result
}
