import type { z } from 'zod'

type Path = PropertyKey[]

/**
 * Parses a stored value, and ignores fields that the schema does not have, also where the schema refuses them. Requests of clients are
 * checked strictly, so that no typing error goes unnoticed. But what another version has stored must stay readable.
 *
 * @throws ZodError with every issue that is not about unknown fields
 */
export function parseKnown<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  let known = value
  for (;;) {
    const { success, data, error } = schema.safeParse(known)
    if (success) return data
    const unknown = unknownFields(error.issues, [])
    if (!unknown) throw error
    // A refinement of the whole runs only when all fields are valid. So there may be further issues then.
    known = structuredClone(known)
    for (const path of unknown) remove(known, path)
  }
}

/** Returns the paths of unknown fields; undefined if the issues are about anything else. */
function unknownFields(issues: readonly z.core.$ZodIssue[], at: Path): Path[] | undefined {
  const found: Path[] = []
  for (const issue of issues) {
    const fields = unknownFieldsOf(issue, [...at, ...issue.path])
    if (!fields) return undefined
    found.push(...fields)
  }
  return found
}

function unknownFieldsOf(issue: z.core.$ZodIssue, path: Path): Path[] | undefined {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => [...path, key])
  if (issue.code !== 'invalid_union') return undefined
  // The form of the union that has most of the value's fields.
  const forms = issue.errors.flatMap(issues => {
    const fields = unknownFields(issues, path)
    return fields ? [fields] : []
  })
  return forms.toSorted((a, b) => a.length - b.length)[0]
}

function remove(whole: unknown, path: Path): void {
  const key = path.at(-1)
  const holder = path
    .slice(0, -1)
    .reduce<unknown>((value, each) => (isHolder(value) ? Reflect.get(value, each) : undefined), whole)
  if (key === undefined || !isHolder(holder)) throw new RangeError('the value has no such field')
  Reflect.deleteProperty(holder, key)
}

function isHolder(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
