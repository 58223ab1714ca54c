/** Returns one note of several; none if there is none. */
export function joinedNotes(...notes: readonly (string | undefined)[]): { note?: string } {
  const said = notes.filter(note => note !== undefined)
  return said.length > 0 ? { note: said.join('; ') } : {}
}
