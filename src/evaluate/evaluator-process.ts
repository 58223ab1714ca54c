import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { asTureenError, type TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'
import { moduleUrl } from '../own-modules.ts'
import { standBack } from '../stand-back.ts'
import { bytesOf } from '../storage/model-paths.ts'
import { crashed, endWithModel, endWithoutModel, tooLong, tooMuch, unavailable } from './evaluator-failures.ts'
import { mostScoreBytes, mostStatisticsBytes } from './exchange/answer-limits.ts'
import { type OnSamples, openConversation, type Question } from './exchange/conversation.ts'
import { Misfit } from './exchange/frames.ts'
import { readCompared, readEvaluated, readMeasured, readMistaken, readScored } from './exchange/read-answers.ts'
import type { IsolatedEnd, IsolatedProcess, StartIsolated } from './isolation/isolated-process.ts'
import { startPlain } from './isolation/plain-process.ts'
import { makeJobDirectory } from './job-directory.ts'
import { lastLineOf } from './last-line.ts'
import type { Mistakes } from './mistakes.ts'
import type {
  CandidateRange,
  ComparisonOutcome,
  ComparisonTask,
  EvaluationOutcome,
  EvaluationTask,
  Measurement,
  MeasurementTask,
  MetricTask,
  MistakesTask,
  ScoringTask,
} from './protocol.ts'
import { watchMemory } from './watch-memory.ts'

/** Limits of one evaluation: seconds, bytes of memory, and intra-op threads. */
export type EvaluatorLimits = { seconds: number; memoryBytes: number; threads: number }

/**
 * Runs models, one task after the other. Every call throws TureenError with the reason of the child, or the reason why the server ended
 * it. The code is `TUREEN_EVALUATOR_UNAVAILABLE` if the child ended before it took the task and loaded the model.
 */
export type Evaluator = {
  evaluate(task: EvaluationTask, signal: AbortSignal, onProgress: OnSamples): Promise<EvaluationOutcome>
  /**
   * Scores the candidates of a range, each within the time of one evaluation. Ends early if the evaluator has not begun all of them in the
   * time of the range. An error concerns the first candidate without an outcome.
   * @param onScored hears of the outcome of each candidate, in order, as soon as it is there
   */
  score(range: CandidateRange, signal: AbortSignal, onScored: (outcome: EvaluationOutcome) => void): Promise<void>
  compare(task: ComparisonTask, signal: AbortSignal, onProgress: OnSamples): Promise<ComparisonOutcome>
  /** Finds the samples that exactly one of two models gets right. */
  tellMistakes(task: MistakesTask, signal: AbortSignal, onProgress: OnSamples): Promise<Mistakes>
  measure(task: MeasurementTask, signal: AbortSignal, onProgress: OnSamples): Promise<Measurement>
}

/** The child process that runs the models of one job. It ends with the job, since a foreign model may have changed its state. */
export type EvaluatorProcess = Evaluator & {
  readonly pid: number
  readonly alive: boolean
  /** Resolves when the process has ended: to the reason, or to null if the server no longer needed it. */
  readonly gone: Promise<TureenError | null>
  /** Milliseconds that all tasks so far have taken. */
  readonly busyMilliseconds: number
  /** Ends the process. Resolves when the files of its job are no longer in its directory. */
  end(): Promise<void>
}

const childModule = fileURLToPath(moduleUrl('./child/main.ts', import.meta.url))
/** Seconds of processor time for the start and for earlier tasks of a child, on top of the limit of one evaluation. */
export const startSeconds = 30
/** Most milliseconds until a child is ready, and until a ready child takes a task. */
const startMilliseconds = 20_000
/** Most milliseconds for reading the last output of an ended child. */
const drainMilliseconds = 1_000
/** Share of the memory limit from which the end of a process may come from the limit. */
const nearLimit = 0.8

/**
 * Starts a child and waits until it is ready.
 * @param parent the directory in which the child gets its own
 * @throws TureenError `TUREEN_EVALUATOR_UNAVAILABLE` if the child could not start, or was not ready within 20 seconds
 */
export async function startEvaluator(
  parent: string,
  limits: EvaluatorLimits,
  startIsolated: StartIsolated = startPlain,
): Promise<EvaluatorProcess> {
  const cpuSeconds = Math.ceil(limits.seconds * Math.max(1, limits.threads) + startSeconds)
  const directory = await makeJobDirectory(parent).catch(notStarted)
  // The next start of the server removes what stays.
  const removed = () => directory.remove().catch(() => undefined)
  const child = await startIsolated({ directory: directory.path, script: childModule, cpuSeconds }).catch(
    async error => {
      await removed()
      return notStarted(error)
    },
  )
  const { pid, exited } = child
  let alive = true
  const lastLine = lastLineOf(child.errors)
  const ended = exited.then(async end => {
    alive = false
    closeLate(child)
    await removed()
    return { ...end, lastLine: await lastLine }
  })
  const state: { reason?: TureenError; unneeded?: boolean } = {}
  const end = (reason?: TureenError) => {
    if (reason) state.reason ??= reason
    else state.unneeded = true
    child.kill()
  }
  standBack(pid)
  const conversation = openConversation(child.input, child.output)
  await untilReady()
  preferForKilling(pid)
  const memory = watchMemory(pid, limits.memoryBytes)
  let busyMilliseconds = 0
  /** Settles when the present task, if any, has its outcome. */
  let atWork: Promise<unknown> = Promise.resolve()

  async function untilReady(): Promise<void> {
    const timer = setTimeout(
      () => end(unavailable(`was not ready within ${inSeconds(startMilliseconds)}`)),
      startMilliseconds,
    )
    try {
      if (await conversation.ready()) await child.limitMemory(limits.memoryBytes)
      else state.reason ??= endWithoutModel(await exitedSoon(child), 'before it was ready')
    } catch (error) {
      end(unavailable(`could not be started (${error instanceof Error ? error.message : error})`))
    } finally {
      clearTimeout(timer)
    }
    if (state.reason) throw state.reason
  }

  const ask = async <Answer>(
    { task, ...reading }: Question<Answer>,
    signal: AbortSignal,
    onProgress: OnSamples,
  ): Promise<Answer> => {
    signal.throwIfAborted()
    const question = { ...reading, task: await directory.hold(task) }
    signal.throwIfAborted()
    const started = performance.now()
    const onAbort = () => end()
    signal.addEventListener('abort', onAbort)
    let deadline = setTimeout(
      () => end(unavailable(`did not take its task within ${inSeconds(startMilliseconds)}`)),
      startMilliseconds,
    )
    let taken = false
    let stopWatching = () => {}
    const restart = () => {
      clearTimeout(deadline)
      deadline = setTimeout(() => end(tooLong(limits.seconds)), limits.seconds * 1000)
    }
    const onTaken = () => {
      taken = true
      restart()
      stopWatching = memory.watch(() => end(tooMuch(limits.memoryBytes)))
    }
    try {
      const reply = await conversation.ask(question, { onTaken, onPartial: restart, onProgress })
      signal.throwIfAborted()
      if (reply.kind === 'answer') return reply.answer
      if (reply.kind === 'problem') throw reply.problem
    } catch (error) {
      if (!(error instanceof Misfit)) throw error
      end(crashed(error.message))
      signal.throwIfAborted()
    } finally {
      clearTimeout(deadline)
      stopWatching()
      signal.removeEventListener('abort', onAbort)
      busyMilliseconds += performance.now() - started
    }
    await exitedSoon(child, () => end(crashed('closed its pipe without an answer')))
    const found = await ended
    if (found.peakBytes !== undefined) memory.see(found.peakBytes)
    const isNear = memory.mostBytes > nearLimit * limits.memoryBytes
    state.reason ??= taken
      ? endWithModel({ ...found, nearLimit: isNear }, limits)
      : endWithoutModel(found, 'before it took a task')
    throw state.reason
  }
  const asked = <Answer>(...question: Parameters<typeof ask<Answer>>): Promise<Answer> => {
    const answer = ask(...question)
    atWork = answer.catch(() => undefined)
    return answer
  }
  const gone = ended.then(async found => {
    await atWork
    return state.reason ?? (state.unneeded ? null : endWithoutModel(found, 'before it took a task'))
  })

  return {
    pid,
    get alive() {
      return alive
    },
    get busyMilliseconds() {
      return busyMilliseconds
    },
    gone,
    async end() {
      end()
      await directory.clear()
    },
    evaluate(task, signal, onProgress) {
      const reading = scoresOf(task.metrics, task, readEvaluated)
      return asked({ task: { type: 'evaluate', task }, ...reading }, signal, onProgress)
    },
    async score(range, signal, onScored) {
      const { terms, termOf, models } = range
      let scored = 0
      const namesOfNext = () => [terms[termOf[scored] ?? -1]?.metric.name ?? '']
      const heard = (outcome: EvaluationOutcome) => {
        scored += 1
        onScored(outcome)
      }
      const partials = {
        most: models.length - 1,
        read: (payload: Buffer) => heard(readScored(payload, namesOfNext())),
      }
      const reading = {
        mostBytes: Math.max(...terms.map(({ targets }) => mostScoreBytes(1, targets))),
        readResult: (body: Buffer) => readEvaluated(body, namesOfNext()),
        partials,
      }
      heard(await asked({ task: { type: 'score', task: range }, ...reading }, signal, () => undefined))
    },
    compare(task, signal, onProgress) {
      const metrics = task.models.map(() => task.metric)
      const gains = task.gains ? task.bootstrap.replicates : 0
      const reading = scoresOf(metrics, task, (body, names) => readCompared(body, names, gains))
      return asked({ task: { type: 'compare', task }, ...reading }, signal, onProgress)
    },
    tellMistakes(task, signal, onProgress) {
      const reading = {
        mostBytes: mostScoreBytes(task.models.length, task.targets),
        readResult: (body: Buffer) => readMistaken(body, task.most),
      }
      return asked({ task: { type: 'tellMistakes', task }, ...reading }, signal, onProgress)
    },
    async measure(task, signal, onProgress) {
      const reading = { mostBytes: mostStatisticsBytes(await bytesOf(task.model)), readResult: readMeasured }
      return asked({ task: { type: 'measure', task }, ...reading }, signal, onProgress)
    },
  }
}

/** Returns the way to read a result with scores. @param metrics the scoring metric of each score */
function scoresOf<Outcome>(
  metrics: readonly MetricTask[],
  { targets }: ScoringTask,
  read: (body: Buffer, names: readonly string[]) => Outcome,
): Pick<Question<Outcome>, 'mostBytes' | 'readResult'> {
  const names = metrics.map(({ name }) => name)
  return { mostBytes: mostScoreBytes(names.length, targets), readResult: body => read(body, names) }
}

function notStarted(error: unknown): never {
  const known = asTureenError(error)
  if (known.code === 'TUREEN_STORE_FULL') throw known
  throw unavailable(`could not be started (${error instanceof Error ? error.message : error})`)
}

/** Waits for the end of a process whose pipe has ended. One that has only closed its pipe is ended by `end`. */
async function exitedSoon(child: IsolatedProcess, end: () => void = child.kill): Promise<IsolatedEnd> {
  const stays = setTimeout(end, drainMilliseconds)
  const found = await child.exited
  clearTimeout(stays)
  return found
}

/** Closes the pipes of an ended process a while later: a process that it has started may hold them open. */
function closeLate({ input, output, errors }: IsolatedProcess): void {
  void delay(drainMilliseconds, undefined, { ref: false }).then(() => {
    for (const pipe of [input, output, errors]) pipe.destroy()
  })
}

/** Makes the kernel kill this process rather than the server if the machine runs out of memory. */
function preferForKilling(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
  } catch {
    // This fails on other systems, or without permission. The other limits still hold.
  }
}
