import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Metrics } from '../http/metrics.ts'
import type { ExternalUpkeep } from '../jobs/external/external-upkeep.ts'
import type { JobCommands } from '../jobs/job-commands.ts'
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
  { catalog, quarantine, contents, reserve, election, closeRemote }: Storage,
  {
    models,
    datasets,
    exports,
    keys,
    jobs,
    external,
  }: Pick<RecordStores, 'models' | 'datasets' | 'exports' | 'keys'> & { jobs: JobCommands; external: ExternalUpkeep },
  { threads }: Pick<Engine, 'threads'>,
  { metrics, log, clock }: { metrics: Metrics; log: Logger; clock: () => number },
) {
  const { sweepSeconds, quarantineMilliseconds } = retention
  // An S3 server looks after its own disks.
  const verifyDays = closeRemote ? 0 : retention.verifyDays
  const endQuarantine = () => quarantine.end(clock() - quarantineMilliseconds)
  const sweeper = createSweeper(
    catalog,
    { models, datasets, exports, jobs, keys, external, endQuarantine, reserve, isElected: election.isElected },
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
