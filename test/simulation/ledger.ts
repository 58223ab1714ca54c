import { maximumAttempts } from '../../src/jobs/job-attempts.ts'
import type { ObservedCommit, SimulatedPostgres } from './database/simulated-postgres.ts'
import type { WorkingClaim } from './server-process.ts'
import { digestOfText, type SimulatedBucket } from './simulated-bucket.ts'
import type { Actor } from './virtual-time.ts'

/** The work that a commit belongs to. */
export type CommitContext = { actor: Actor | undefined; claim: WorkingClaim | undefined }

/** A client's view of the events of a job, across all of its connections: types and numbers, without progress. */
export type FollowedJob = { id: string; seen: { sequence: number; type: string }[] }

/** Knows what was acknowledged, and holds the servers to it. */
export type Ledger = {
  /** Checks a commit. */
  committed(commit: ObservedCommit): void
  /** Checks the removal of an object from the bucket. */
  removed(sha256: string): void
  /** A client has the answer that its job was created. */
  jobCreated(id: string, key: string): void
  /** A client has the answer that its data set was stored. */
  datasetStored(id: string, text: string, key: string): void
  jobCancelled(id: string): void
  /** A client has asked to delete a record. From now on it may be gone. */
  mayBeDeleted(id: string): void
  /** A client has the answer that a record is deleted. */
  recordDeleted(id: string): void
  /** A client has all events of a job. */
  followed(job: FollowedJob): void
  /** Returns the jobs that have not ended. */
  unfinished(): string[]
  /** Checks what must be true at the end, once faults have stopped. */
  close(): void
}

type Parts = {
  database: SimulatedPostgres
  bucket: Pick<SimulatedBucket, 'has' | 'digests'>
  violated(what: string): void
}

const endings = ['succeeded', 'failed', 'cancelled']

/** Changes of a job's status that are allowed, as `from to`. */
const allowedChanges = new Set([
  'queued running',
  'running queued',
  'running succeeded',
  'running failed',
  'queued cancelled',
  'running cancelled',
])

type JobEntry = { status: string; startedAt: string; attempts: number; done: number; isAcknowledged: boolean }

/** Returns a new ledger. */
export function createLedger({ database, bucket, violated }: Parts): Ledger {
  const jobs = new Map<string, JobEntry>()
  const datasets = new Map<string, string>()
  const deletable = new Set<string>()
  /** The record that each idempotency key created. */
  const created = new Map<string, string>()

  const createdOnce = (key: string, id: string) => {
    const earlier = created.get(key)
    if (earlier !== undefined && earlier !== id && !deletable.has(earlier))
      violated(`the key ${key} has created both ${earlier} and ${id}`)
    created.set(key, id)
  }
  const jobChanged = (before: JobEntry, id: string, after: Record<string, unknown>, context: CommitContext) => {
    const status = String(after.status ?? before.status)
    const startedAt = String(after.started_at ?? before.startedAt)
    const attempts = Number(after.attempts ?? before.attempts)
    const { claim } = context
    if (status !== before.status && !allowedChanges.has(`${before.status} ${status}`))
      violated(`the job ${id} was ${before.status} and became ${status}`)
    if (attempts > maximumAttempts) violated(`the job ${id} has started ${attempts} times`)
    if (status === 'running' && before.status === 'queued' && attempts !== before.attempts + 1)
      violated(`the start of ${id} was not counted: ${before.attempts} became ${attempts}`)
    if (status === 'succeeded' && before.status === 'running') {
      if (!claim) violated(`the job ${id} succeeded outside of any claim`)
      else if (claim.id !== id || claim.startedAt !== before.startedAt)
        violated(`the job ${id} was ended by a claim of ${claim.startedAt}, after another start at ${before.startedAt}`)
    }
    if (status === 'failed' && claim && (claim.id !== id || claim.startedAt !== before.startedAt))
      violated(`the job ${id} failed by a claim of ${claim.startedAt}, after another start at ${before.startedAt}`)
    Object.assign(before, { status, startedAt, attempts })
  }
  const unfinishedWith = (input: string) =>
    database.look('select job_id from job_inputs where input_id = ?', input).filter(({ job_id }) => {
      const entry = jobs.get(String(job_id))
      return entry && !endings.includes(entry.status)
    })
  const contextOf = (context: unknown): CommitContext =>
    typeof context === 'object' && context !== null && 'claim' in context
      ? (context as CommitContext)
      : { actor: undefined, claim: undefined }

  return {
    committed({ changes, context }) {
      for (const change of changes) {
        const { table, kind, key } = change
        const { after } = database.named(change)
        const id = String(key[0])
        if (table === 'jobs' && kind === 'insert') {
          jobs.set(id, { status: String(after.status), startedAt: '', attempts: 0, done: 0, isAcknowledged: false })
        } else if (table === 'jobs' && kind === 'update') {
          const entry = jobs.get(id)
          if (entry) jobChanged(entry, id, after, contextOf(context))
        } else if (table === 'jobs') {
          const entry = jobs.get(id)
          if (entry && !endings.includes(entry.status))
            violated(`the job ${id} was deleted while it was ${entry.status}`)
          if (!deletable.has(id)) violated(`the job ${id} was deleted, and nobody had asked for it`)
          jobs.delete(id)
        } else if (table === 'datasets' && kind === 'delete') {
          if (!deletable.has(id)) violated(`the data set ${id} was deleted, and nobody had asked for it`)
          for (const { job_id } of unfinishedWith(id))
            violated(`the data set ${id} was deleted, and the job ${job_id} needs it`)
        } else if (table === 'idempotency_keys' && kind === 'insert') {
          createdOnce(String(after.key), String(after.resource_id))
        } else if (table === 'job_events' && kind === 'insert' && after.type === 'done') {
          const entry = jobs.get(String(after.job_id))
          if (entry) entry.done += 1
        } else if (table === 'job_inputs' && kind === 'insert') {
          const input = String(after.input_id)
          if (database.look('select id from datasets where id = ?', input).length === 0)
            violated(`the job ${id} was created with the data set ${input}, which is gone`)
        } else if (table === 'dataset_files' && kind === 'insert') {
          const sha256 = String(after.sha256)
          if (!bucket.has(sha256)) violated(`a record of ${sha256} was committed, and the bucket has no such content`)
        }
      }
      for (const change of changes) {
        if (change.table !== 'jobs' || change.kind !== 'update') continue
        const id = String(change.key[0])
        const entry = jobs.get(id)
        const wanted = entry && endings.includes(entry.status) ? 1 : 0
        if (entry && entry.done !== wanted) violated(`the job ${id} is ${entry.status}, with ${entry.done} events done`)
      }
    },
    removed(sha256) {
      const [record] = database.look('select dataset_id from dataset_files where sha256 = ? limit 1', sha256)
      if (record) violated(`the content ${sha256} was removed, and the data set ${record.dataset_id} needs it`)
    },
    jobCreated(id, key) {
      const entry = jobs.get(id)
      if (entry) entry.isAcknowledged = true
      else if (!deletable.has(id)) violated(`the job ${id} was acknowledged, and is not in the catalog`)
      createdOnce(key, id)
    },
    datasetStored(id, text, key) {
      datasets.set(id, text)
      createdOnce(key, id)
      if (!deletable.has(id) && database.look('select id from datasets where id = ?', id).length === 0)
        violated(`the data set ${id} was acknowledged, and is not in the catalog`)
    },
    jobCancelled(id) {
      const status = jobs.get(id)?.status
      if (status !== undefined && status !== 'cancelled') violated(`the job ${id} was cancelled, and is ${status}`)
    },
    mayBeDeleted: id => void deletable.add(id),
    recordDeleted(id) {
      if (database.look('select id from jobs where id = ?1 union select id from datasets where id = ?1', id).length > 0)
        violated(`the record ${id} was deleted, and is still in the catalog`)
      datasets.delete(id)
    },
    followed({ id, seen }) {
      const rows = database.look(
        `select sequence, type from job_events where job_id = ? and type <> 'progress' order by sequence`,
        id,
      )
      // The events go with the job.
      if (rows.length === 0) return
      const [wanted, got] = [rows, seen].map(events =>
        events.map(({ sequence, type }) => `${sequence} ${type}`).join(', '),
      )
      if (wanted !== got) violated(`the events of ${id} are [${wanted}], and a client got [${got}]`)
    },
    unfinished: () => [...jobs].filter(([, { status }]) => !endings.includes(status)).map(([id]) => id),
    close() {
      for (const [id, { status, isAcknowledged }] of jobs) {
        if (!endings.includes(status)) violated(`the job ${id} is still ${status}`)
        const made = database.look('select id from datasets where name = ?', `result of ${id}`)
        if (made.length !== (status === 'succeeded' ? 1 : 0))
          violated(`the job ${id} has ${status} and made ${made.length} results`)
        if (isAcknowledged && database.look('select id from jobs where id = ?', id).length === 0)
          violated(`the acknowledged job ${id} is gone`)
      }
      for (const [id, text] of datasets) {
        if (deletable.has(id)) continue
        const [row] = database.look('select sha256 from datasets where id = ?', id)
        if (row?.sha256 !== digestOfText(text)) violated(`the acknowledged data set ${id} is gone`)
      }
      for (const { sha256 } of database.look('select sha256 from dataset_files'))
        if (!bucket.has(String(sha256))) violated(`the content ${sha256} of a record is gone`)
      for (const sha256 of bucket.digests())
        if (database.look('select sha256 from dataset_files where sha256 = ?', sha256).length === 0)
          violated(`the content ${sha256} has no record after a sweep`)
    },
  }
}
