import { TureenProblem } from '../../client/index.ts'
import type { ProblemCause, ProblemDocument } from '../../schemas/problem.ts'
import { html } from '../markup.ts'
import { publicPath } from '../place.ts'

/** Most causes of a problem that the page shows. */
const mostCauses = 20

type Shown = Pick<ProblemDocument, 'title' | 'detail' | 'code'> & {
  requestId?: string | undefined
  errors: readonly ProblemCause[]
}

/** An error in words: the problem that the server names with its causes, or the message. Nothing without an error. */
export function ErrorNotice({ error }: { error: unknown }) {
  if (error === undefined || error === null) return null
  if (error instanceof TureenProblem) return ProblemNotice({ problem: error })
  return html`<div class="notice error" role="alert"><p>${error instanceof Error ? error.message : String(error)}</p></div>`
}

/** A problem of the server, such as the reason why a job failed. */
export function ProblemNotice({ problem }: { problem: Shown }) {
  const { title, detail, code, errors, requestId } = problem
  // A detail that is the only cause would stand there twice.
  const causes = errors.filter(({ message }) => !detail.includes(message))
  return html`<div class="notice error" role="alert">
    <p><strong>${title}</strong></p>
    <p>${detail}</p>
    ${
      causes.length > 0 &&
      html`<ul>
        ${causes.slice(0, mostCauses).map(({ message }) => html`<li>${message}</li>`)}
        ${causes.length > mostCauses && html`<li>and ${causes.length - mostCauses} more</li>`}
      </ul>`
    }
    <p class="faint">
      <a href="${publicPath}/problems/${code}">${code}</a>${requestId && ` · request ${requestId}`}
    </p>
  </div>`
}

/** Warnings about a result. Nothing without warnings. */
export function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null
  return html`<div class="notice warning">
    <p><strong>${warnings.length === 1 ? 'A warning' : `${warnings.length} warnings`}</strong></p>
    <ul>
      ${warnings.map(warning => html`<li>${warning}</li>`)}
    </ul>
  </div>`
}
