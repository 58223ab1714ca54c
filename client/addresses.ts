/** Values of query parameters. A parameter with several values is repeated; undefined is left out. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>

/**
 * Returns a path with its places filled in, such as `/v1/models/{id}`.
 * @throws RangeError if a value cannot be one step of a path: an empty one, `.` or `..`
 */
export function filledPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? ''
    if (['', '.', '..'].includes(value)) throw new RangeError(`"${value}" cannot be ${name} in the address ${path}`)
    const encoded = encodeURIComponent(value)
    // Slashes stay, for proxies that refuse %2F. Steps such as ../ are encoded as a whole, or URLs would lose them.
    const isPlain = value.split('/').every(step => !['', '.', '..'].includes(step))
    return name === 'location' && isPlain ? encoded.replaceAll('%2F', '/') : encoded
  })
}

/** Returns a query with its question mark; an empty text if it has no parameters. */
export function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, values] of Object.entries(query))
    for (const value of [values ?? []].flat()) parameters.append(name, String(value))
  const text = parameters.toString()
  return text && `?${text}`
}

/** Returns labels as values of the query parameter `label`. */
export function labelTexts(labels: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}:${value}`)
}
