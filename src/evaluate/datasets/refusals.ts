import { type ProblemPlace, TureenError } from '../../errors.ts'

/** The refusal of a data set whose bytes or arrays contradict each other. */
export function malformedDataset(message: string, place: ProblemPlace, cause?: unknown): TureenError {
  return new TureenError('TUREEN_DATASET_MALFORMED', message, [{ ...place, message }], { cause })
}

/** The refusal of a data set that uses what is not read. */
export function unsupportedDataset(message: string, place: ProblemPlace): TureenError {
  return new TureenError('TUREEN_DATASET_UNSUPPORTED', message, [{ ...place, message }])
}

/** The refusal of a data set that does not fit the model. */
export function mismatchedDataset(message: string, place: ProblemPlace): TureenError {
  return new TureenError('TUREEN_DATASET_MISMATCH', message, [{ ...place, message }])
}

/**
 * What a library threw over the bytes of a file, as the refusal of that file. Errors of the refusals' own kind stay as they are,
 * and so do those of the operating system and of readers that were closed: they say nothing about the file's content.
 */
export function asDamage(thrown: unknown, what: string, place: ProblemPlace): unknown {
  if (thrown instanceof TureenError || !(thrown instanceof Error)) return thrown
  if ('syscall' in thrown || thrown.name === 'AbortError' || thrown instanceof RangeError) return thrown
  return malformedDataset(`${what}: ${thrown.message}. Save it again.`, place, thrown)
}
