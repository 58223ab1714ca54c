/** Returns the first texts of a list, and the number of the others: `a, b, c and 4 more`. @param most number of texts that are named */
export function firstOf(texts: readonly (string | number)[], most: number): string {
  const more = texts.length - most
  return `${texts.slice(0, most).join(', ')}${more > 0 ? ` and ${more.toLocaleString('en')} more` : ''}`
}
