/** A text that is shown: its beginning and its length if it has more than so many characters (UTF-16 code units). */
export function shortened(text: string, maximum: number): string {
  if (text.length <= maximum) return text
  return `${text.slice(0, maximum).toWellFormed()}... (${text.length} characters)`
}
