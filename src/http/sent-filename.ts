/**
 * The filename of a form part without a path into the client's file system: of one that is absolute or steps upwards the last part,
 * also where backslashes separate. Directories below stay: ONNX's test data and mergekit tell files apart by them.
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
