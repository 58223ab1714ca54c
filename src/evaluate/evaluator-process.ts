import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TureenError } from '../errors.ts'
import { standBack } from '../stand-back.ts'
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

/** What one evaluation may take. */
export type EvaluatorLimits = { seconds: number; memoryBytes: number; threads: number }

export type OnSamples = (done: number, total: number) => void

/** Runs models, one task after the other. Every call throws TureenError with the child's reason, or that for which it was ended. */
export type Evaluator = {
  evaluate(task: EvaluationTask, signal: AbortSignal, onProgress: OnSamples): Promise<EvaluationOutcome>
  compare(task: ComparisonTask, signal: AbortSignal, onProgress: OnSamples): Promise<ComparisonOutcome>
  measure(task: MeasurementTask, signal: AbortSignal, onProgress: OnSamples): Promise<Measurement>
}

/** A child process in which models run, for one job: it has seen a foreign model, and is ended afterwards. */
export type EvaluatorProcess = Evaluator & {
  readonly pid: number
  readonly alive: boolean
  /** When it is gone: why, or null if it was no longer needed. */
  readonly gone: Promise<TureenError | null>
  /** Milliseconds that its tasks have taken so far. */
  readonly busyMilliseconds: number
  end(): void
}

/**
 * Nothing of the server's environment but where its compiled code is: without that every child would take the types out of its source
 * anew. onnxruntime's libraries for Linux have a telemetry client inside, which writes files to the temporary directory and costs an
 * eighth of the time of small models.
 */
const compiled = getCompileCacheDir()
const childEnvironment = {
  ORT_DISABLE_TELEMETRY: '1',
  ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) }),
}

const childModule = fileURLToPath(new URL('./child/main.ts', import.meta.url))
/** Seconds of processor time for starting and for tasks that came before, beside those of one evaluation. */
export const startSeconds = 30
const startMilliseconds = 20_000
const pollMilliseconds = 50
const keptStderrBytes = 2_000
const pageBytes = 4096

const setpriv = systemTool('setpriv')

/**
 * Starts a child and waits until it is ready: about 0.1 s. A shell sets what a process can only have from its start (no core
 * files, a bound on processor time), setpriv makes it die with its parent and never gain privileges.
 *
 * @throws TureenError `TUREEN_EVALUATOR_UNAVAILABLE` if the child was not ready within 20 s, or could not start: no model was in it yet
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
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + String(chunk)).slice(-keptStderrBytes)
  })
  const exited = new Promise<TureenError>(resolve => {
    child.once('error', error => resolve(notStarted(error.message)))
    child.once('exit', (code, signal) => resolve(exitReason(code, signal, stderr, limits)))
  })
  const { pid } = child
  if (pid === undefined) throw await exited
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
    const deadline = setTimeout(() => end(tooLong(limits)), limits.seconds * 1000)
    const poll = setInterval(() => {
      if ((residentBytes(pid) ?? 0) > idleBytes + limits.memoryBytes) end(tooMuch(limits))
    }, pollMilliseconds)
    try {
      const answer = awaitAnswer(child, onProgress)
      child.send(message)
      const result = await Promise.race([answer, exited.then(error => state.reason ?? error)])
      signal.throwIfAborted()
      if (result instanceof TureenError) throw result
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

type Answer = Exclude<ChildMessage, { type: 'ready' | 'progress' }>

function unexpected(answer: Answer): TureenError {
  return answer.type === 'problem'
    ? TureenError.fromProblem(answer.problem)
    : crashed(`it answered ${answer.type} to another question`)
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(notStarted(`it was not ready within ${startMilliseconds / 1000} seconds`))
    }, startMilliseconds)
    child.once('message', () => {
      clearTimeout(timer)
      resolve()
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(notStarted(`it ended with ${signal ?? `exit code ${code}`} before it was ready`))
    })
    child.once('error', error => {
      clearTimeout(timer)
      reject(notStarted(error.message))
    })
  })
}

function awaitAnswer(child: ChildProcess, onProgress: OnSamples): Promise<Answer> {
  return new Promise(resolve => {
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'progress') onProgress(message.done, message.total)
      else if (message.type !== 'ready') resolve(message)
    })
  })
}

/** Should the machine run out of memory, the kernel is to end this process and not the server. */
function preferForKilling(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
  } catch {
    // Not Linux, or not permitted: the limits above remain.
  }
}

function residentBytes(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return undefined
  }
}

function exitReason(
  code: number | null,
  signal: NodeJS.Signals | null,
  stderr: string,
  limits: EvaluatorLimits,
): TureenError {
  if (signal === 'SIGXCPU') return tooLong(limits)
  if (/bad_alloc|out of memory|allocation failed/i.test(stderr)) return tooMuch(limits)
  if (signal === 'SIGKILL') {
    return crashed('it was killed from outside, perhaps because the machine ran out of memory; try again')
  }
  const lastLine = stderr.trim().split('\n').at(-1)
  return crashed(
    `it ended with ${signal ?? `exit code ${code}`}${lastLine ? ` (${lastLine})` : ''}, by the model or what it was fed`,
  )
}

function crashed(how: string): TureenError {
  return new TureenError('TUREEN_EVALUATION_CRASHED', `The process that ran the model died: ${how}.`)
}

function notStarted(how: string): TureenError {
  return new TureenError(
    'TUREEN_EVALUATOR_UNAVAILABLE',
    `The evaluator, the process in which models run, could not be started: ${how}. The model was not loaded. The machine may be overloaded, or short of memory or processes; try again when it has room.`,
  )
}

function tooLong({ seconds }: EvaluatorLimits): TureenError {
  const bound = `the ${seconds} seconds that an evaluation may take (TUREEN_EVAL_SECONDS)`
  return new TureenError('TUREEN_EVALUATION_TIMEOUT', `The model ran longer than ${bound}, and was ended.`)
}

function tooMuch({ memoryBytes }: EvaluatorLimits): TureenError {
  const bound = `the ${memoryBytes.toLocaleString('en')} bytes of memory that an evaluation may take (TUREEN_EVAL_MEMORY)`
  return new TureenError('TUREEN_EVALUATION_MEMORY', `The model took more than ${bound}, and was ended.`)
}
