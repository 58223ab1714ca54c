/** The digest that a text is, `sha256:<hex>`, whether it has the prefix or not; undefined if it is none. */
export function digestIn(text: string): string | undefined {
  if (text.startsWith('sha256:')) return text
  return /^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : undefined
}

/** Where the catalog has what a reference stands for: an id, or a digest of content. */
export function columnOf(reference: string): { column: 'id' | 'sha256'; value: string } {
  const digest = digestIn(reference)
  return digest === undefined ? { column: 'id', value: reference } : { column: 'sha256', value: digest }
}
