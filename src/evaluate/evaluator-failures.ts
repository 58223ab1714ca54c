import { TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'

/** Returns the error of an evaluator that failed before it loaded a model: a fault of the machine. @param how completes "it ..." */
export function unavailable(how: string): TureenError {
  return new TureenError(
    'TUREEN_EVALUATOR_UNAVAILABLE',
    `The evaluator, the process in which models run, is not available: it ${how}. The model was not loaded. The machine may be overloaded, or short of memory or processes. Try again when it has room.`,
    [{ actual: `it ${how}`, message: 'the evaluator is not available' }],
  )
}

/** Returns the error of an evaluator that died while it ran a model: a fault of the model. @param how completes "it ..." */
export function crashed(how: string): TureenError {
  return new TureenError(
    'TUREEN_EVALUATION_CRASHED',
    `The evaluator died while it ran the model: it ${how}. Run the model with onnxruntime elsewhere to find the reason.`,
    [{ actual: `it ${how}`, message: 'the evaluator died while it ran the model' }],
  )
}

/** Returns the error of an evaluation above the time limit. @param seconds the limit */
export function tooLong(seconds: number): TureenError {
  const limit = inSeconds(seconds * 1000)
  const message = `the model ran longer than ${limit}`
  return new TureenError(
    'TUREEN_EVALUATION_TIMEOUT',
    `The model ran longer than the ${limit} that an evaluation may take (TUREEN_EVAL_SECONDS), and was ended. Evaluate fewer samples, or raise the limit.`,
    [{ field: 'TUREEN_EVAL_SECONDS', expected: `${limit} at most`, message }],
  )
}

/** Returns the error of an evaluation above the memory limit. @param memoryBytes the limit */
export function tooMuch(memoryBytes: number): TureenError {
  const limit = `${memoryBytes.toLocaleString('en')} bytes`
  return new TureenError(
    'TUREEN_EVALUATION_MEMORY',
    `The model took more than the ${limit} of memory that an evaluation may take (TUREEN_EVAL_MEMORY), and was ended. Use a smaller batchSize, or raise the limit.`,
    [
      {
        field: 'TUREEN_EVAL_MEMORY',
        expected: `${limit} at most`,
        message: `the model took more than ${limit} of memory`,
      },
    ],
  )
}

/**
 * The end of a process that had a task. `lastLine`: last line of its standard error, which a model can write too, so that it only completes
 * messages. `nearLimit`: true if the process has had almost all of the memory that it may take.
 */
export type ProcessEnd = { code: number | null; signal: NodeJS.Signals | null; lastLine: string; nearLimit: boolean }

type Limits = { seconds: number; memoryBytes: number }

/** Signals with which a process ends itself that gets no memory: abort() of C++, and V8's traps. */
const signalsOfMemory = new Set<string | null>(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGSEGV', 'SIGBUS'])

/** Returns the error of an evaluator that ended after it took a task. */
export function endWithModel(
  { code, signal, lastLine, nearLimit }: ProcessEnd,
  { seconds, memoryBytes }: Limits,
): TureenError {
  if (signal === 'SIGXCPU') return tooLong(seconds)
  if (nearLimit && signalsOfMemory.has(signal)) return tooMuch(memoryBytes)
  if (signal === 'SIGKILL')
    return crashed('was killed from outside, perhaps because the machine ran out of memory; try again')
  // A process that asks for too much at once ends before it has taken anything. Nothing but its own words would tell.
  const causes = signalsOfMemory.has(signal)
    ? 'the model, what it was fed, or one request for more memory than it may take (TUREEN_EVAL_MEMORY)'
    : 'the model or what it was fed'
  return crashed(`ended with ${signal ?? `exit code ${code}`}${lastLine ? ` (${lastLine})` : ''}, by ${causes}`)
}

/** Returns the error of an evaluator that ended before it took a task. @param when completes "it ended with ..." */
export function endWithoutModel({ code, signal }: Pick<ProcessEnd, 'code' | 'signal'>, when: string): TureenError {
  return unavailable(`ended with ${signal ?? `exit code ${code}`} ${when}`)
}
