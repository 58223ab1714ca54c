/** Returns a number in six significant digits at most. */
export function shownNumber(value: number): string {
  return String(Number(value.toPrecision(6)))
}
