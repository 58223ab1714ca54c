/** Returns the digest that a text writes, with its prefix `sha256:`; undefined if the text is no digest. */
export function digestIn(text: string): string | undefined {
  if (text.startsWith('sha256:')) return text
  return /^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : undefined
}

/** Returns a text that no id is, if this one cannot be an id: PostgreSQL takes no U+0000. */
export function possibleId(text: string): string {
  return text.replaceAll('\0', '\u{fffd}')
}

/** Returns the column of the catalog that a reference selects by, and its value: an id, or a digest of content. */
export function columnOf(reference: string): { column: 'id' | 'sha256'; value: string } {
  const digest = digestIn(reference)
  return digest === undefined
    ? { column: 'id', value: possibleId(reference) }
    : { column: 'sha256', value: possibleId(digest) }
}
