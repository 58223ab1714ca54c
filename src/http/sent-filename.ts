/**
 * Returns the filename of a form part without a path of the client's file system. Of an absolute path, or one with `..`, only the last
 * part stays; backslashes separate parts, too. Relative directories stay: ONNX's test data and mergekit tell files apart by them.
 * @returns undefined if no name is left
 */
export function withoutPath(filename: string | undefined): string | undefined {
  if (filename === undefined) return undefined
  const parts = filename.split(/[\\/]/)
  const last = parts.at(-1) ?? ''
  const isBelow = parts.every(part => part !== '' && part !== '.' && part !== '..') && !/^[a-z]:/i.test(filename)
  if (isBelow) return filename
  return last === '' || last === '.' || last === '..' ? undefined : last.replace(/^[a-z]:/i, '') || undefined
}
