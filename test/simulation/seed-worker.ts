import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { type Mutant, plant } from './mutants.ts'
import type { SeedResult } from './run-seed.ts'
import { installVirtualGlobals } from './virtual-globals.ts'
import { installVirtualTurns } from './virtual-turns.ts'

/** A request to a worker: a seed to run, with its trace or without. */
export type SeedRequest = { seed: number; isTraced: boolean }

/** Settings of a worker: the tables of the catalog as SQL, and a fault to plant. */
export type WorkerSettings = { schema: readonly string[]; mutant: Mutant | undefined }

const port = parentPort
if (port) {
  // On Linux, of this thread alone. Minutes of computing must not slow down tests beside it that measure time.
  setPriority(constants.priority.PRIORITY_LOW)
  const { schema, mutant }: WorkerSettings = workerData
  installVirtualGlobals()
  installVirtualTurns()
  if (mutant) plant(mutant)
  // The product must find the virtual clock when it is loaded.
  const { seedRunner } = await import('./run-seed.ts')
  const run = seedRunner(schema)
  port.on('message', ({ seed, isTraced }: SeedRequest) => {
    run(seed, isTraced).then(
      result => port.postMessage(result),
      (error: unknown) =>
        port.postMessage({
          seed,
          violation: `the simulation failed: ${error instanceof Error ? error.stack : error}`,
          steps: 0,
          print: 0,
          trace: [],
        } satisfies SeedResult),
    )
  })
}
