import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'
import { standBack } from '../stand-back.ts'
import {
  crashed,
  endWithModel,
  endWithoutModel,
  type ProcessEnd,
  tooLong,
  tooMuch,
  unavailable,
} from './evaluator-failures.ts'
import type {
  ChildMessage,
  ComparisonOutcome,
  ComparisonTask,
  EvaluationOutcome,
  EvaluationTask,
  Measurement,
  MeasurementTask,
  ParentMessage,
} from './protocol.ts'
import { systemTool } from './system-tool.ts'

/** Limits of one evaluation: seconds, bytes of memory, and intra-op threads. */
export type EvaluatorLimits = { seconds: number; memoryBytes: number; threads: number }

export type OnSamples = (done: number, total: number) => void

/**
 * Runs models, one task after the other. Every call throws TureenError with the reason of the child, or the reason why the server ended
 * it. The code is `TUREEN_EVALUATOR_UNAVAILABLE` if the child ended before it took the task and loaded the model.
 */
export type Evaluator = {
  evaluate(task: EvaluationTask, signal: AbortSignal, onProgress: OnSamples): Promise<EvaluationOutcome>
  compare(task: ComparisonTask, signal: AbortSignal, onProgress: OnSamples): Promise<ComparisonOutcome>
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
  end(): void
}

/**
 * The directory of the compile cache of the server. A child gets it and no other variable of the server's environment; without it, every
 * child would compile its TypeScript sources again.
 */
const compiled = getCompileCacheDir()
/**
 * The environment of a child. onnxruntime's libraries for Linux contain a telemetry client, which writes temporary files and takes an
 * eighth of the time of small models.
 */
const childEnvironment = {
  ORT_DISABLE_TELEMETRY: '1',
  ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) }),
}

const childModule = fileURLToPath(new URL('./child/main.ts', import.meta.url))
/** Seconds of processor time for the start and for earlier tasks of a child, on top of the limit of one evaluation. */
export const startSeconds = 30
/** Most milliseconds until a child is ready, and until a ready child takes a task. */
const startMilliseconds = 20_000
/** Most milliseconds for reading the last output of an ended child. */
const drainMilliseconds = 1_000
const pollMilliseconds = 50
const keptStderrBytes = 2_000
const pageBytes = 4096

const setpriv = systemTool('setpriv')

/**
 * Starts a child and waits until it is ready. A shell sets the limits that must exist from the start: no core files, and a bound of
 * processor time. setpriv makes the child die with its parent and never gain privileges.
 *
 * @throws TureenError `TUREEN_EVALUATOR_UNAVAILABLE` if the child could not start, or was not ready within 20 seconds
 */
export async function startEvaluator(directory: string, limits: EvaluatorLimits): Promise<EvaluatorProcess> {
  const cpuSeconds = Math.ceil(limits.seconds * Math.max(1, limits.threads) + startSeconds)
  const privileges = setpriv ? `${setpriv} --pdeathsig KILL --no-new-privs ` : ''
  const child = fork(childModule, [String(limits.memoryBytes)], {
    execPath: '/bin/sh',
    execArgv: [
      '-c',
      `ulimit -c 0 && ulimit -S -t ${cpuSeconds} && ulimit -H -t ${cpuSeconds + startSeconds} && exec ${privileges}"$0" "$@"`,
      process.execPath,
    ],
    cwd: directory,
    env: childEnvironment,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  // Other handlers report these failures too, but an error event without a listener would end the server.
  child.on('error', () => undefined)
  /** True while the child has taken a task and not answered it. */
  let isAtWork = false
  const exited = endOf(child).then(end =>
    isAtWork ? endWithModel(end, limits) : endWithoutModel(end, 'before it took a task'),
  )
  const { pid } = child
  if (pid === undefined) throw unavailable(`could not be started (${String((await once(child, 'error'))[0])})`)
  standBack(pid)
  await ready(child)
  preferForKilling(pid)
  const idleBytes = residentBytes(pid) ?? 0
  const state: { reason?: TureenError; unneeded?: boolean } = {}
  const end = (reason?: TureenError) => {
    if (reason) state.reason ??= reason
    else state.unneeded = true
    child.kill('SIGKILL')
  }
  let busyMilliseconds = 0

  const ask = async (message: ParentMessage, signal: AbortSignal, onProgress: OnSamples): Promise<Answer> => {
    signal.throwIfAborted()
    const started = performance.now()
    const onAbort = () => end()
    signal.addEventListener('abort', onAbort)
    let deadline = setTimeout(
      () => end(unavailable(`did not take its task within ${inSeconds(startMilliseconds)}`)),
      startMilliseconds,
    )
    let poll: NodeJS.Timeout | undefined
    isAtWork = false
    const onTaken = () => {
      isAtWork = true
      clearTimeout(deadline)
      deadline = setTimeout(() => end(tooLong(limits.seconds)), limits.seconds * 1000)
      poll = setInterval(() => {
        if ((residentBytes(pid) ?? 0) > idleBytes + limits.memoryBytes) end(tooMuch(limits.memoryBytes))
      }, pollMilliseconds)
    }
    try {
      const answer = awaitAnswer(child, onTaken, onProgress)
      child.send(message, error => error && end(unavailable(`could not be reached (${error.message})`)))
      const result = await Promise.race([answer, exited.then(error => state.reason ?? error)])
      signal.throwIfAborted()
      if (result instanceof TureenError) throw result
      isAtWork = false
      return result
    } finally {
      clearTimeout(deadline)
      clearInterval(poll)
      signal.removeEventListener('abort', onAbort)
      child.removeAllListeners('message')
      busyMilliseconds += performance.now() - started
    }
  }

  return {
    pid,
    get alive() {
      return child.exitCode === null && child.signalCode === null
    },
    get busyMilliseconds() {
      return busyMilliseconds
    },
    gone: exited.then(error => state.reason ?? (state.unneeded ? null : error)),
    end: () => end(),
    async evaluate(task, signal, onProgress) {
      const answer = await ask({ type: 'evaluate', task }, signal, onProgress)
      if (answer.type === 'evaluated') return answer.outcome
      throw unexpected(answer)
    },
    async compare(task, signal, onProgress) {
      const answer = await ask({ type: 'compare', task }, signal, onProgress)
      if (answer.type === 'compared') return answer.outcome
      throw unexpected(answer)
    },
    async measure(task, signal, onProgress) {
      const answer = await ask({ type: 'measure', task }, signal, onProgress)
      if (answer.type === 'measured') return answer.outcome
      throw unexpected(answer)
    },
  }
}

type Answer = Exclude<ChildMessage, { type: 'ready' | 'taken' | 'progress' }>

function unexpected(answer: Answer): TureenError {
  return answer.type === 'problem'
    ? TureenError.fromProblem(answer.problem)
    : crashed(`answered ${answer.type} to another question`)
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(unavailable(`was not ready within ${inSeconds(startMilliseconds)}`))
    }, startMilliseconds)
    child.once('message', () => {
      clearTimeout(timer)
      resolve()
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(endWithoutModel({ code, signal }, 'before it was ready'))
    })
    child.once('error', error => {
      clearTimeout(timer)
      reject(unavailable(`could not be started (${error.message})`))
    })
  })
}

/** Resolves to the end of a process after all of its messages are read, since it may have taken a task just before. */
function endOf(child: ChildProcess): Promise<ProcessEnd> {
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + String(chunk)).slice(-keptStderrBytes)
  })
  return new Promise(resolve => {
    child.once('exit', (code, signal) => {
      void Promise.race([once(child, 'close'), delay(drainMilliseconds)]).then(() => resolve({ code, signal, stderr }))
    })
  })
}

function awaitAnswer(child: ChildProcess, onTaken: () => void, onProgress: OnSamples): Promise<Answer> {
  return new Promise(resolve => {
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'progress') onProgress(message.done, message.total)
      else if (message.type === 'taken') onTaken()
      else if (message.type !== 'ready') resolve(message)
    })
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

function residentBytes(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return undefined
  }
}
