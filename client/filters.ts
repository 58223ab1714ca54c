import type { z } from 'zod'
import type { UploadParameters } from '../schemas/model.ts'
import { labelTexts, type Query } from './addresses.ts'

/** The query parameters of a list: all may be left out. Labels are a map, as in records. */
export type Filters<Schema extends z.ZodType> = { [Name in keyof z.infer<Schema>]?: z.infer<Schema>[Name] | undefined }

/** Fields of the record of an upload. */
export type RecordFields = {
  name?: string | undefined
  labels?: UploadParameters['label'] | undefined
  /** Seconds until the record expires; without it, the record stays until a client deletes it. */
  ttl?: number | undefined
}

/** Returns filters as query parameters. */
export function filterQuery({
  label,
  ...others
}: { label?: Record<string, string> | undefined } & Record<string, unknown>): Query {
  const texts = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, String(value)])
  return { ...Object.fromEntries(texts), label: labelTexts(label) }
}

/** Returns the fields of a record as query parameters. */
export function recordQuery({ name, labels, ttl, root }: RecordFields & { root?: string | undefined }): Query {
  return { name, ttl, root, label: labelTexts(labels) }
}
