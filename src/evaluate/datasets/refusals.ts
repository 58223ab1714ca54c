import { type ProblemPlace, TureenError } from '../../errors.ts'

/** Returns the refusal of a data set whose bytes or arrays contradict each other. */
export function malformedDataset(message: string, place: ProblemPlace, cause?: unknown): TureenError {
  return new TureenError('TUREEN_DATASET_MALFORMED', message, [{ ...place, message }], { cause })
}

/** Returns the refusal of a data set with an unsupported feature. */
export function unsupportedDataset(message: string, place: ProblemPlace): TureenError {
  return new TureenError('TUREEN_DATASET_UNSUPPORTED', message, [{ ...place, message }])
}

/** True for the refusal of a data set with an unsupported feature. */
export function isUnsupported(error: unknown): error is TureenError {
  return error instanceof TureenError && error.code === 'TUREEN_DATASET_UNSUPPORTED'
}

/** Returns the refusal of an unsupported array that `read` throws; undefined if it throws nothing. Other errors it passes on. */
export async function unsupportedOf(read: () => Promise<void>): Promise<TureenError | undefined> {
  try {
    await read()
    return undefined
  } catch (error) {
    if (isUnsupported(error)) return error
    throw error
  }
}

/** Returns the refusal of a data set that does not fit the model. */
export function mismatchedDataset(message: string, place: ProblemPlace): TureenError {
  return new TureenError('TUREEN_DATASET_MISMATCH', message, [{ ...place, message }])
}

/**
 * Returns a library's error about the bytes of a file as the refusal of that file. It returns refusals, errors of the operating system and
 * errors of closed readers unchanged, since those say nothing about the content of the file.
 */
export function asDamage(thrown: unknown, what: string, place: ProblemPlace): unknown {
  if (thrown instanceof TureenError || !(thrown instanceof Error)) return thrown
  if ('syscall' in thrown || thrown.name === 'AbortError' || thrown instanceof RangeError) return thrown
  return malformedDataset(`${what}: ${thrown.message.replace(/\.$/, '')}. Save it again.`, place, thrown)
}
