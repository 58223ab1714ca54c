import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../support/random.ts'
import { chaosClient } from './chaos-client.ts'
import { startChaosCluster } from './chaos-cluster.ts'
import { chaosLedger } from './chaos-ledger.ts'
import { orphansOf } from './compare-bucket.ts'
import { compareJobs } from './compare-jobs.ts'
import { compareModels } from './compare-models.ts'
import { patientFetch } from './patient-fetch.ts'
import { storeReader } from './store-reader.ts'

/**
 * What one run does. `faultSeconds`: seconds that the S3 server is away, and that a worker is frozen. `earlier`: directory of an earlier
 * version, in which all servers start; this version replaces them one after the other.
 */
export type ChaosPlan = {
  seed: number
  uploads: number
  jobs: number
  faultSeconds: number
  earlier?: string | undefined
}

/** What happened in a run, by name, and what went wrong. */
export type ChaosResult = { counts: Record<string, number>; problems: string[] }

/** Clients that work at the same time. */
const clients = 6

/** Milliseconds that the cluster has to remove content without a record, once it was started again. */
const orphanMilliseconds = 240_000

/**
 * Lets clients work on a cluster while its servers are killed and frozen, its database restarts and its S3 server goes away. Then it
 * compares what the cluster holds with what the clients were told.
 * @param say hears of each fault
 */
export async function runChaos(
  { seed, uploads, jobs, faultSeconds, earlier }: ChaosPlan,
  say: (text: string) => void,
): Promise<ChaosResult> {
  const random = seededRandom(seed)
  const ledger = chaosLedger()
  const over = new AbortController()
  const cluster = await startChaosCluster(earlier)
  try {
    const send = patientFetch(cluster.replicas, random, over.signal)
    const client = chaosClient(send, ledger, cluster.replicas, random)
    const fixed = await client.fill()
    let [uploadsLeft, jobsLeft] = [uploads, jobs]
    let [hasEachFault, isWorking] = [false, true]
    // Beyond the wanted numbers, until each fault has met clients that work.
    const work = async () => {
      while (uploadsLeft > 0 || jobsLeft > 0 || !hasEachFault) {
        const isUpload = random.next() * (uploads + jobs) < uploads
        if (isUpload) {
          uploadsLeft -= 1
          await client.upload()
          if (random.next() < 0.3) await client.remove()
        } else {
          jobsLeft -= 1
          await client.startJob(fixed)
        }
      }
    }
    const working = Promise.all(Array.from({ length: clients }, work)).finally(() => {
      isWorking = false
    })
    working.catch(() => undefined)
    const faults = [
      () => cluster.kill('worker', random),
      () => cluster.kill('api', random),
      () => cluster.restartDatabase(random.next() * 2),
      () => cluster.kill('worker', random),
      () => cluster.stopContent(faultSeconds),
      () => cluster.freeze(random, faultSeconds),
      // Twice, so that both versions serve for a round of faults and a half.
      () => cluster.upgrade(random),
      () => cluster.upgrade(random),
    ]
    let interruptions = 0
    while (isWorking) {
      for (const fault of random.shuffled(faults)) {
        await delay(random.next() * 3000)
        if (!isWorking) break
        const done = await fault()
        if (done === undefined) continue
        interruptions += 1
        ledger.count(done)
        say(done)
      }
      hasEachFault = true
    }
    await working
    say('the faults are over')
    const reader = storeReader(send)
    const soups = await compareJobs(reader, ledger, fixed)
    await compareModels(reader, ledger, fixed, soups)
    say('the servers start again, and look for content without a record')
    await cluster.restartAll()
    for (const orphan of await orphansOf(reader, cluster.content, interruptions, orphanMilliseconds))
      ledger.problem(orphan)
    await compareModels(reader, ledger, fixed, soups)
    for (const line of cluster.faults()) ledger.problem(`a server logged ${line.slice(0, 1000)}`)
  } catch (error) {
    ledger.problem(error instanceof Error ? error.message : String(error))
  } finally {
    over.abort()
    await cluster.remove()
  }
  return { counts: Object.fromEntries([...ledger.counts].sort()), problems: ledger.problems }
}
