const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

/** Returns a number of bytes in the unit that suits it, such as `1.25 MB`. A MB has 1,000,000 bytes. */
export function bytesText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1)
  const value = bytes / 1000 ** power
  const digits = power === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(value)))
  return `${value.toFixed(digits)} ${units[power]}`
}

const wholeNumbers = new Intl.NumberFormat('en')

/** Returns a whole number with commas, such as `1,000`. */
export function countText(count: number): string {
  return wholeNumbers.format(count)
}

/** Returns a number with six significant digits, such as a score; a dash for null. */
export function numberText(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : String(Number(value.toPrecision(6)))
}

/** Returns the first digits of a digest, such as `3f2a9c81`. @param digest `sha256:<hex>` */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 8)
}

/** Returns seconds in words, such as `1.5 s` or `3 min 20 s`. */
export function secondsText(seconds: number): string {
  if (seconds < 60) return `${numberText(Math.round(seconds * 10) / 10)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}
