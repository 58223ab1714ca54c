const seconds = new Intl.NumberFormat('en', { style: 'unit', unit: 'second', unitDisplay: 'long' })

/** Returns a duration in words, such as "1 second" or "3,600 seconds". */
export function inSeconds(milliseconds: number): string {
  return seconds.format(milliseconds / 1000)
}
