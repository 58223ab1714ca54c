import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { JobItem, JobProgress } from '../../schemas/job.ts'
import { curlCommand } from '../commands.ts'
import { client, connection, handledByPage } from '../connection.ts'
import { storeChanged, useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { ConfirmedButton } from '../parts/confirmed-button.ts'
import { hasEnded, Progress, StatusWord } from '../parts/job-status.ts'
import { ErrorNotice, ProblemNotice } from '../parts/notices.ts'
import { SameAs } from '../parts/same-as.ts'
import { Facts, Labels } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { Link, viewUrl, visit } from '../routing.ts'
import { mayWrite } from '../session.ts'
import { useShared } from '../store.ts'
import { JobResult } from './job-result.ts'

/** A job as the page follows it. `history`: its progress so far, oldest first. `log`: the messages that it has logged. */
type FollowedJob = {
  job: JobItem | undefined
  progress: JobProgress | undefined
  history: readonly JobProgress[]
  log: readonly string[]
  error: unknown
}

const nothing: FollowedJob = { job: undefined, progress: undefined, history: [], log: [], error: undefined }

/** Most steps of progress that the page keeps. */
const mostSteps = 2000

/** Follows a job by its events until it ends, and goes on after a lost connection. */
function useJob(id: string): FollowedJob {
  const [followed, setFollowed] = useState(nothing)
  const lastEvent = useRef('')
  const { tries } = useShared(connection)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const change = (fields: (before: FollowedJob) => Partial<FollowedJob>) => {
      if (!signal.aborted) setFollowed(before => ({ ...before, ...fields(before) }))
    }
    const follow = async () => {
      const job = await client.getJob(id, { signal })
      change(() => ({ job, progress: job.progress ?? undefined, error: undefined }))
      const after = lastEvent.current === '' ? {} : { lastEventId: lastEvent.current }
      for await (const event of client.getJobEvents(id, { signal, ...after })) {
        lastEvent.current = event.id
        if (event.type === 'progress') {
          const { progress } = event
          change(({ job, history }) => ({
            progress,
            history: [...history.slice(1 - mostSteps), progress],
            job: job && begun(job),
          }))
        }
        if (event.type === 'log') change(({ log }) => ({ log: [...log, event.message] }))
        if (event.type === 'done') change(() => ({ job: event.job }))
      }
    }
    follow().catch((error: unknown) => {
      if (!signal.aborted && !handledByPage(error)) change(() => ({ error }))
    })
    return () => controller.abort()
  }, [id, tries])
  return followed
}

/** Returns a job that has progress as a running one: its record was read before it began. */
function begun(job: JobItem): JobItem {
  return job.status === 'queued' && !('unreadable' in job) ? { ...job, status: 'running' } : job
}

/** A job, live: its progress, its log, and its result or the reason why it has none. */
export function JobView({ id }: { id: string }) {
  const { job, progress, history, log, error } = useJob(id)
  return html`<p>${h(Link, { href: viewUrl('/jobs') }, '← Jobs')}</p>
    <h1 tabindex="-1">${job ? `${titles[job.type ?? 'unknown']} ${id.slice(-6)}` : `Job ${id}`}</h1>
    ${h(ErrorNotice, { error })} ${!job && !error && html`<p role="status">Loading the job.</p>`}
    ${job && h(FollowedRecord, { job, progress, history, log })}
    ${h(SameAs, { what: 'watching this job', commands: { curl: curlCommand(`/v1/jobs/${id}/events`, { events: true }) } })}`
}

const titles = {
  merge: 'Merge',
  comparison: 'Comparison',
  search: 'Search',
  evaluation: 'Evaluation',
  export: 'Export',
  conversion: 'Conversion',
  unknown: 'Job',
}

type RecordProps = Pick<FollowedJob, 'progress' | 'history' | 'log'> & { job: JobItem }

function FollowedRecord({ job, progress, history, log }: RecordProps) {
  const { id, status, createdAt, startedAt, finishedAt, labels } = job
  const isOver = hasEnded(status)
  return html`<p role="status">Status: ${h(StatusWord, { status })}</p>
    ${!isOver && progress && h(Progress, { progress })} ${!isOver && job.type === 'search' && h(RunningSearch, { history })}
    ${job.error && ProblemNotice({ problem: job.error })}
    ${'unreadable' in job ? html`<p class="notice error">${job.unreadable}</p>` : h(JobResult, { job })}
    ${h(Facts, {
      facts: {
        Id: html`<code>${id}</code>`,
        Labels: Object.keys(labels).length > 0 && h(Labels, { labels }),
        Created: timeOf(createdAt),
        Started: startedAt && timeOf(startedAt),
        Finished: finishedAt && timeOf(finishedAt),
        'Starts so far': job.attempts > 1 && String(job.attempts),
      },
    })}
    ${mayWrite() && h(JobAction, { job })}
    ${log.length > 0 && html`<h2>Log</h2><ol class="log">${log.map(message => html`<li>${message}</li>`)}</ol>`}
    ${'request' in job && html`<details><summary>Request</summary><pre><code>${JSON.stringify(job.request, null, 2)}</code></pre></details>`}`
}

/** The chart of a search that has not ended. */
function RunningSearch({ history }: { history: readonly JobProgress[] }) {
  const { value: charts } = useLoaded('best so far', () => import('../charts/best-so-far.ts'))
  return charts && history.length > 0 ? h(charts.BestSoFar, { history }) : null
}

/** Cancels a job, or deletes the record of one that has ended. */
function JobAction({ job: { id, status } }: { job: JobItem }) {
  if (!hasEnded(status))
    return html`<p>
        ${h(ConfirmedButton, {
          label: 'Cancel this job',
          action: 'Cancel the job',
          question: 'Cancel this job? It cannot be started again where it was.',
          act: async () => void (await client.cancelJob(id)),
        })}
      </p>
      ${h(SameAs, { what: 'cancelling it', commands: { curl: curlCommand(`/v1/jobs/${id}/cancel`, { method: 'POST' }) } })}`
  const remove = async () => {
    await client.deleteJob(id)
    storeChanged()
    visit(viewUrl('/jobs'))
  }
  const question = 'Delete the record of this job? Models that it made stay. This cannot be undone.'
  return html`<p>${h(ConfirmedButton, { label: 'Delete this record', action: 'Delete', question, act: remove })}</p>`
}
