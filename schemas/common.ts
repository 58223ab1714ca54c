import { z } from 'zod'

/** A digest as the API writes it. */
export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .describe('A digest: sha256:<64 hexadecimal digits>')

export const id = z.string().describe('An opaque id; ids sort by creation')

/** How a request names a model: its id, or its content's digest (then the newest record with that content). */
export const reference = z
  .string()
  .min(1)
  .max(200)
  .describe('An id, or sha256:<hex> of the content (the newest record with it)')

export const timestamp = z.iso.datetime().describe('RFC 3339, UTC')

export const name = z.string().min(1).max(200).describe('A name to find it by; need not be unique')

const labelKey = z
  .string()
  .regex(/^(?!__proto__$)[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$/, 'a label key has 1 to 63 letters, digits, or . _ / -')
const labelValue = z.string().max(256)

export const labels = z
  .record(labelKey, labelValue)
  .describe('A flat map of strings, such as a run id, a git sha or a stage')

/** `label=key:value`, repeatable, as a map. */
export const labelParameters = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((parameter, context): Record<string, string> => {
    const entries = new Map<string, string>()
    for (const text of [parameter ?? []].flat()) {
      const [, key = '', value = ''] = /^([^:]*):(.*)$/s.exec(text) ?? []
      if (!labelKey.safeParse(key).success || !labelValue.safeParse(value).success) {
        const form = 'key:value, the key of 1 to 63 letters, digits, or . _ / -, the value of 256 characters at most'
        context.addIssue({ code: 'custom', message: `${text} is no label: ${form}` })
      } else if (entries.has(key)) {
        context.addIssue({ code: 'custom', message: `the label ${key} is given twice` })
      }
      entries.set(key, value)
    }
    return Object.fromEntries(entries)
  })
  .describe('key:value, may be repeated')

export const waitSeconds = z.coerce
  .number()
  .min(0)
  .max(60)
  .optional()
  .describe('Hold the request until the job ends, this many seconds at most')

export const pageParameters = {
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('Items at most'),
  cursor: z.string().max(200).optional().describe('nextCursor of the page before'),
}

/** A page of a list, newest first. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

export const idParameter = z.object({ id: reference })
