import { TureenError } from '../errors.ts'
import { firstOf } from '../first-of.ts'

/** Matches `.` and `..` in a location, which clients resolve before they send a URL. */
const unlikeUrls = /(^|\/)\.{1,2}(\/|$)/

/** An error names at most this many locations. */
const listedLocations = 10

/**
 * Returns the error for a data file at a location that the model does not name. `wanted`: the locations that it names.
 */
export function unknownLocation(location: string, wanted: readonly string[]): TureenError {
  const message = `the model refers to no external data ${location}`
  const there = wanted.length > 0 ? `it refers to: ${locationList(wanted)}` : 'all of its weights are in its own file'
  const example = wanted.find(each => unlikeUrls.test(each))
  const hint = example === undefined ? '' : ` (in a URL ${encodeURIComponent(example)}: one percent-encoded segment)`
  return new TureenError(
    'TUREEN_NOT_FOUND',
    `In this upload ${message}; ${there}${hint}. Send each file under the location that the model gives.`,
    [{ location, ...(wanted.length > 0 ? { expected: locationList(wanted) } : {}), message }],
  )
}

/** Lists the first locations in words, and counts the others. */
export function locationList(locations: readonly string[]): string {
  return firstOf(locations, listedLocations)
}
