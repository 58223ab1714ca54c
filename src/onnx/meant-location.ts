import { decodedOnce } from '../percent-encoding.ts'

/**
 * Returns the location that a client means by the name of a data part. Some clients percent-encode the names in forms (RFC 7578, 4.2).
 * @param named locations that the model names
 * @returns the name itself, or decoded once if the model names only that
 */
export function meantLocation(sent: string, named: { has(location: string): boolean }): string {
  if (named.has(sent)) return sent
  const decoded = decodedOnce(sent)
  return decoded !== undefined && named.has(decoded) ? decoded : sent
}
