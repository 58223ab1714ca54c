import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Checked, CheckTask, Failure, FilesOnDisk, Invariant } from './check-file.ts'
import { type ChildLimits, createChild } from './child.ts'
import type { FoundFile } from './model-paths.ts'
import type { Opened } from './runtime-child.ts'

export type Outcome = 'ok' | 'refused' | 'incomplete' | 'soup refused' | 'unreadable' | 'failed'

/** What a run says of one file. `opens`: whether onnxruntime opens it; null where it was not asked. */
export type FileReport = {
  path: string
  bytes: number
  outcome: Outcome
  refused: Checked['refused']
  opens: boolean | null
  whyNot: string
  failures: Failure[]
  notes: string[]
  seconds: number
}

/** Checks one file after the other, each in processes beside this one. */
export type Lane = { check(file: FoundFile): Promise<FileReport>; end(): void }

/** An onnxruntime process is renewed after so many models, lest what they leave behind adds up. */
const modelsPerRuntime = 1500

/** @param directory of the lane alone. @param mostBytes of a larger model no perturbed soup is made, and onnxruntime is not asked */
export function createLane(directory: string, limits: ChildLimits, mostBytes: number): Lane {
  const scratch = join(directory, 'scratch')
  const empty = join(directory, 'empty')
  for (const each of [scratch, empty]) mkdirSync(each, { recursive: true })
  const checker = createChild<CheckTask, Checked>('./checker-child.ts', directory, limits)
  const runtime = createChild<FilesOnDisk, Opened>('./runtime-child.ts', empty, limits)
  let asked = 0

  const opens = async (files: FilesOnDisk, bytes: number): Promise<Opened> => {
    asked += 1
    if (asked % modelsPerRuntime === 0) runtime.end()
    const reply = await runtime.ask(files, bytes)
    if ('answer' in reply) return reply.answer
    return { opens: false, reason: 'died' in reply ? reply.died : reply.unreadable }
  }

  const askRuntime = async (checked: Checked, report: FileReport): Promise<void> => {
    const { refused, soup, original, failures } = checked
    if (checked.isOrtFormat || checked.missing.length > 0 || checked.bytes > mostBytes) return
    const ofSoup = soup && (await opens(soup, checked.bytes))
    // A soup with the original's structure that opens says that the original does.
    const ofOriginal = ofSoup?.opens ? ofSoup : await opens(original, checked.bytes)
    report.opens = ofOriginal.opens
    report.whyNot = ofOriginal.reason
    if (!ofOriginal.opens) return
    if (refused) {
      const reason = `onnxruntime opens it, but it is refused with ${refused.code}: ${refused.detail}`
      failures.push({ invariant: refused.invariant, reason })
    }
    if (!soup || ofSoup?.opens) return
    // In a new process, so that it is not for what others left behind.
    runtime.end()
    const again = await opens(soup, checked.bytes)
    if (!again.opens) failures.push({ invariant: 'perturbed-soup', reason: `does not open: ${again.reason}` })
  }

  return {
    async check({ path, root }) {
      const started = performance.now()
      const report: FileReport = {
        path,
        bytes: 0,
        outcome: 'ok',
        refused: null,
        opens: null,
        whyNot: '',
        failures: [],
        notes: [],
        seconds: 0,
      }
      const reply = await checker.ask({ path, root, scratch, mostBytes }, 0)
      if ('unreadable' in reply) report.notes.push(`unreadable: ${reply.unreadable}`)
      else if ('died' in reply) report.failures.push({ invariant: invariantOf(reply.stage), reason: reply.died })
      else {
        const { answer } = reply
        const { bytes, refused, failures, notes, missing } = answer
        Object.assign(report, { bytes, refused, failures, notes })
        if (missing.length > 0) notes.push('external data are missing')
        await askRuntime(answer, report)
      }
      report.outcome = outcomeOf(report)
      report.seconds = (performance.now() - started) / 1000
      return report
    },
    end() {
      checker.end()
      runtime.end()
    },
  }
}

function outcomeOf({ failures, refused, notes }: FileReport): Outcome {
  if (failures.length > 0) return 'failed'
  if (refused) return refused.invariant === 'index' ? 'refused' : 'soup refused'
  if (notes.some(note => note.startsWith('unreadable'))) return 'unreadable'
  return notes.includes('external data are missing') ? 'incomplete' : 'ok'
}

function invariantOf(stage: string): Invariant {
  return stage === 'self-soup' || stage === 'perturbed-soup' ? stage : 'index'
}
