/** Returns a duration in words, such as "1 second" or "3,600 seconds". */
export function inSeconds(milliseconds: number): string {
  // No formatter is kept: making the first one takes 14 ms, which would be part of every start.
  return (milliseconds / 1000).toLocaleString('en', { style: 'unit', unit: 'second', unitDisplay: 'long' })
}
