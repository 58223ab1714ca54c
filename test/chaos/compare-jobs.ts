import { z } from 'zod'
import type { FixedInputs } from './chaos-client.ts'
import type { ChaosLedger, StartedJob } from './chaos-ledger.ts'
import type { StoreReader } from './store-reader.ts'

const endedJob = z.object({
  status: z.enum(['succeeded', 'failed', 'cancelled']),
  attempts: z.number(),
  result: z
    .object({
      model: z.object({ id: z.string(), sha256: z.string() }).optional(),
      winner: z.object({ models: z.array(z.string()) }).optional(),
    })
    .optional(),
  error: z.object({ code: z.string() }).optional(),
})

/** Seconds that all jobs together have to end, once the faults are over. */
const endSeconds = 180

/**
 * Compares the jobs of a cluster with those that clients started: each has ended once, as it had to.
 * @returns the digests of the soups that the jobs made, by the ids of their records
 */
export async function compareJobs(
  { send, get, list }: StoreReader,
  { jobs, problem, count }: ChaosLedger,
  { models: fixed }: FixedInputs,
): Promise<Map<string, string>> {
  const soups = new Map<string, string>()
  const deadline = performance.now() + endSeconds * 1000
  const endOf = async (id: string) => {
    for (;;) {
      const { success, data } = endedJob.safeParse(await get(`/v1/jobs/${id}?wait=10`))
      if (success || performance.now() > deadline) return data
    }
  }
  const compare = async ({ id, kind, name, soup, isCancelled }: StartedJob) => {
    const label = `the ${kind} ${name} (${id})`
    const job = await endOf(id)
    if (!job) return problem(`${label} has not ended`)
    const { status, attempts, result, error } = job
    count(`jobs ${status}`)
    if (attempts > 1) count('jobs that started again')
    if (isCancelled && status !== 'cancelled') problem(`${label} is ${status} although its cancel was acknowledged`)
    if (!isCancelled && status === 'cancelled') problem(`${label} was cancelled by nobody`)
    // A job whose workers were killed three times fails, as it should.
    if (status === 'failed' && !(error?.code === 'TUREEN_JOB_ATTEMPTS_EXHAUSTED' && attempts >= 3))
      problem(`${label} failed after ${attempts} attempts: ${JSON.stringify(error)}`)
    if (status !== 'succeeded') return
    const made = result?.model
    if (kind === 'merge' && made?.sha256 !== soup) problem(`${label} made ${made?.sha256}, not ${soup}`)
    if (kind === 'search' && result?.winner?.models.join() !== fixed.slice(1).join())
      problem(`${label} found ${result?.winner?.models}`)
    if (made) soups.set(made.id, made.sha256)
    const { text } = await send(`/v1/jobs/${id}/events`)
    const times = text.match(/^event: done$/gm)?.length ?? 0
    if (times !== 1) problem(`${label} has ${times} last events`)
  }
  for (const job of jobs.values()) await compare(job)
  for (const { id, status } of await list('jobs'))
    if (!jobs.has(id)) problem(`nobody was told of the job ${id}, which is ${status}`)
  return soups
}
