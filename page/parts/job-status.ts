import type { JobProgress, JobStatus } from '../../schemas/job.ts'
import { html } from '../markup.ts'
import { bytesText, countText, numberText, secondsText } from '../numbers.ts'

/** True if nothing more will happen with a job. */
export function hasEnded(status: JobStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled'
}

/** The status of a job as a word in its colour. */
export function StatusWord({ status }: { status: JobStatus }) {
  return html`<span class="state ${status}">${status}</span>`
}

/** How far a job is: a bar, and the numbers beside it. */
export function Progress({ progress }: { progress: JobProgress }) {
  const { done, total, message, best, seconds, secondsLeft } = progress
  const part = total > 0 ? Math.floor((done / total) * 100) : 0
  const amounts = [
    `${part} %`,
    // Merges count bytes, which are far more than there are samples or candidates.
    done > 1e6 ? `${bytesText(done)} of ${bytesText(total)}` : `${countText(done)} of ${countText(total)}`,
    ...(best === undefined || best === null ? [] : [`best so far ${numberText(best)}`]),
    ...(seconds === undefined ? [] : [`${secondsText(seconds)} so far`]),
    ...(secondsLeft === undefined || secondsLeft === null ? [] : [`about ${secondsText(secondsLeft)} left`]),
  ]
  return html`<p><progress aria-label="Progress of the job" max=${Math.max(total, 1)} value=${done}></progress> ${amounts.join(', ')}</p>
    <p class="faint">${message}</p>`
}
