import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import type { JobService } from '../jobs/job-service.ts'
import { createSweeper } from '../jobs/sweeper.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { createVerifier } from '../storage/verifier.ts'
import type { Engine } from './engine.ts'
import type { Storage } from './storage.ts'
import type { RecordStores } from './stores.ts'

const dayMilliseconds = 86_400_000

/** Background work: the sweeper and the verifier. */
export type Upkeep = Awaited<ReturnType<typeof createUpkeep>>

/** Returns the sweeper of expired records, and the verifier of stored content. @param clock milliseconds since 1970 */
export async function createUpkeep(
  { retention }: Pick<Config, 'retention'>,
  { path }: Pick<DataDirectory, 'path'>,
  { catalog, contentFiles, contents, reserve }: Storage,
  { models, datasets, keys, jobs }: Pick<RecordStores, 'models' | 'datasets' | 'keys'> & { jobs: JobService },
  { threads }: Pick<Engine, 'threads'>,
  { metrics, log, clock }: { metrics: Metrics; log: Logger; clock: () => number },
) {
  const { sweepSeconds, quarantineMilliseconds, verifyDays } = retention
  const endQuarantine = () => contentFiles.endQuarantine(clock() - quarantineMilliseconds)
  const sweeper = createSweeper(
    catalog,
    { models, datasets, jobs, keys, endQuarantine, reserve },
    sweepSeconds,
    clock,
    log,
  )
  const verifier = await createVerifier(
    { directory: path, contents, hash: threads.hashSlowly, onVerified: metrics.contentVerified },
    { milliseconds: verifyDays * dayMilliseconds, lookSeconds: sweepSeconds, clock },
    log,
  )
  return { sweeper, verifier }
}
