import type { IsolatedEnd, IsolatedProcess } from './isolated-process.ts'
import { type LauncherMessage, launcherEvent, launcherRequest } from './launcher-messages.ts'
import { openLauncherPipes } from './launcher-pipes.ts'
import { signalOf } from './signal-of.ts'

/** One evaluator, as the launcher's events tell it. `lost`: the launcher ended, and the evaluator with it. */
export type LaunchedEvaluator = {
  /** Rejects with the step that failed. */
  readonly started: Promise<IsolatedProcess>
  on(event: LauncherMessage): void
  lost(): void
}

/**
 * @param launcher process id of the launcher
 * @param send sends a request about this evaluator, with one number
 * @param forget called when no event can follow
 */
export function launchedEvaluator(
  launcher: number | undefined,
  send: (kind: number, word?: number) => void,
  forget: () => void,
): LaunchedEvaluator {
  const started = Promise.withResolvers<IsolatedProcess>()
  const exited = Promise.withResolvers<IsolatedEnd>()
  let limited: PromiseWithResolvers<void> | undefined
  let isOver = false

  const kill = () => {
    if (!isOver) send(launcherRequest.kill)
  }
  const limitMemory = async (bytes: number) => {
    if (isOver) throw new Error(endedBefore)
    limited = Promise.withResolvers()
    send(launcherRequest.limit, Math.min(Math.ceil(bytes / 1024), largestWord))
    return limited.promise
  }
  const start = ([pid = 0, ...ends]: readonly number[]) => {
    try {
      const pipes = openLauncherPipes(launcher, ends)
      // The exit tells more than the error of a write to an ended process.
      pipes.input.on('error', () => undefined)
      started.resolve({ pid, ...pipes, exited: exited.promise, kill, limitMemory })
    } catch (error) {
      kill()
      started.reject(error)
    }
    send(launcherRequest.opened)
  }
  const end = (how: IsolatedEnd) => {
    isOver = true
    forget()
    exited.resolve(how)
    limited?.reject(new Error(endedBefore))
  }

  return {
    started: started.promise,
    on({ kind, words, text }) {
      const failure = new Error(`The launcher could not ${text}`)
      if (kind === launcherEvent.started) start(words)
      else if (kind === launcherEvent.ended) end(endOf(words))
      else if (kind === launcherEvent.failed) {
        isOver = true
        forget()
        started.reject(failure)
      } else if (text === '') limited?.resolve()
      else limited?.reject(failure)
    },
    lost() {
      started.reject(new Error('The launcher of evaluators ended'))
      end({ code: null, signal: 'SIGKILL' })
    },
  }
}

const endedBefore = 'The evaluator ended before its memory was limited'

/** The largest number of a word in a message. */
const largestWord = 0xffffffff

/** Words of an end: exit code, number of the signal or 0, most resident memory in KiB. */
function endOf([code = 0, signal = 0, peakKibibytes = 0]: readonly number[]): IsolatedEnd {
  return { code: signal === 0 ? code : null, signal: signalOf(signal), peakBytes: peakKibibytes * 1024 }
}
