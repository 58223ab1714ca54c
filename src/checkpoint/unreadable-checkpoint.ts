import { type Place, TureenError } from '../errors.ts'
import { checkpointLimits } from './checkpoint-limits.ts'

/** Returns the refusal of a checkpoint whose bytes contradict each other. @param found a sentence without its end */
export function malformedCheckpoint(found: string, place: Place = {}, cause?: unknown): TureenError {
  return new TureenError(
    'TUREEN_CHECKPOINT_MALFORMED',
    `The checkpoint ${found}. The file is damaged or cut off: save or download it again.`,
    [{ expected: 'a whole checkpoint', ...place, message: found }],
    { cause },
  )
}

/**
 * Returns the refusal of a checkpoint in a form that is not read.
 * @param found a sentence without its end
 * @param remedy sentences that say how to save it otherwise
 */
export function unsupportedCheckpoint(found: string, remedy: string, place: Place = {}): TureenError {
  return new TureenError('TUREEN_CHECKPOINT_UNSUPPORTED', `The checkpoint ${found}. ${remedy}`, [
    { expected: 'a dict of tensors', ...place, message: found },
  ])
}

/** Returns the refusal of a checkpoint beyond one of the {@link checkpointLimits}. @param what the counted thing */
export function checkpointTooLarge(limit: keyof typeof checkpointLimits, what: string): TureenError {
  const most = `${checkpointLimits[limit].toLocaleString('en')} ${what}`
  const message = `has more than ${most}`
  return new TureenError(
    'TUREEN_MODEL_LIMIT',
    `The checkpoint ${message}. That is the limit. Save the weights alone: torch.save(model.state_dict(), "weights.pt").`,
    [{ expected: `${most} at most`, message }],
  )
}

/** Most characters of a name from a file that an error shows. */
const shownCharacters = 100

/** Returns a name from a file for an error: without control characters, and not too long. */
export function shownName(name: string): string {
  const plain = name.replace(/\p{Cc}/gu, '?').toWellFormed()
  return plain.length > shownCharacters ? `${plain.slice(0, shownCharacters)}...` : plain
}

/** Returns an error about a shard with the name of the shard. */
export function inShard(error: unknown, location: string): unknown {
  if (!(error instanceof TureenError)) return error
  const shown = shownName(location)
  const errors = error.errors.map(item => ({ ...item, location: shown }))
  return new TureenError(error.code, `In the shard ${shown}: ${error.message}`, errors, { cause: error })
}
