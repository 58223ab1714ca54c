/** Returns a text with its percent-encoding decoded once; undefined if it is not encoded UTF-8. */
export function decodedOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
