import { mapTexts, type Problem } from '../../errors.ts'
import { shortened } from '../../shortened.ts'
import { reportableErrors } from '../evaluator-errors.ts'
import { mostCauses, mostCauseText, mostDetail } from '../exchange/answer-limits.ts'
import { frameKinds, mostFrameBytes } from '../exchange/frames.ts'
import type { EvaluationOutcome, TaskResult } from '../protocol.ts'
import { writeFrame, writeResult } from './pipes.ts'

/** Room for the end of a shortened text, which says how long it was. */
const endOfShortened = 40

/** Writes a result. @returns false if it has more than `mostBytes` bytes; then it writes nothing */
export function writeOutcome(result: TaskResult, mostBytes: number): boolean {
  const values = result.type === 'measured' ? [...result.outcome.values] : []
  const sizes = values.map(([path, bytes]) => ({ path, bytes: bytes.byteLength }))
  const json = exactJson(
    result.type === 'measured' ? { ...result, outcome: { ...result.outcome, values: sizes } } : result,
  )
  const bulk = values.map(([, bytes]) => bytes)
  const total = 4 + Buffer.byteLength(json) + bulk.reduce((sum, { byteLength }) => sum + byteLength, 0)
  if (total > mostBytes) return false
  writeResult(json, bulk)
  return true
}

/** Writes the outcome of a candidate that is not the last of its range. @returns false if it does not fit into a frame; then it writes nothing */
export function writeScored(outcome: EvaluationOutcome): boolean {
  const payload = Buffer.from(exactJson({ type: 'evaluated', outcome } satisfies TaskResult))
  if (payload.byteLength > mostFrameBytes) return false
  writeFrame(frameKinds.partial, payload)
  return true
}

const reportable: ReadonlySet<string> = new Set(reportableErrors)

/**
 * Writes a problem, with its texts shortened and as many of its causes as fit into a frame. A code that an evaluator may not report becomes
 * `TUREEN_EVALUATION_FAILED`.
 */
export function writeProblem({ code: found, detail, errors }: Problem): void {
  const code = reportable.has(found) ? found : 'TUREEN_EVALUATION_FAILED'
  const short = (text: string, most: number) => shortened(text, most - endOfShortened)
  const causes = errors.slice(0, mostCauses).map(cause => mapTexts(cause, text => short(text, mostCauseText)))
  const encoded = () => Buffer.from(JSON.stringify({ code, detail: short(detail, mostDetail), errors: causes }))
  let payload = encoded()
  while (payload.byteLength > mostFrameBytes) {
    causes.length = Math.floor(causes.length / 2)
    payload = encoded()
  }
  writeFrame(frameKinds.problem, payload)
}

/** Returns JSON that keeps every number: those that JSON cannot hold become texts. */
function exactJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'number' || (Number.isFinite(member) && !Object.is(member, -0))) return member
    return Object.is(member, -0) ? '-0' : String(member)
  })
}
