/** Returns a text for display. If it has more than `maximum` characters (UTF-16 code units): its beginning and its length. */
export function shortened(text: string, maximum: number): string {
  if (text.length <= maximum) return text
  return `${text.slice(0, maximum).toWellFormed()}... (${text.length} characters)`
}
