import { z } from 'zod'

/** A sha256 digest in the form that the API writes. */
export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .describe('A digest: sha256:<64 hexadecimal digits>')

/** A digest as a query parameter. The prefix `sha256:` is optional. */
export const digestParameter = z
  .string()
  .regex(/^(sha256:)?[0-9a-f]{64}$/, 'a digest is sha256:<64 hexadecimal digits>, the prefix may be left out')
  .describe('A digest of 64 hexadecimal digits; the prefix sha256: is optional')

export const id = z.string().describe('An opaque id; ids sort by creation')

/** A model or data set in a request: its id, or the digest of its content. A digest names the newest record with that content. */
export const reference = z
  .string()
  .min(1)
  .max(200)
  .describe(
    'An id, or the digest of the content (then the newest record with that content); the prefix sha256: is optional',
  )

export const timestamp = z.iso.datetime().describe('A time in UTC, as RFC 3339 writes it').meta({ id: 'Timestamp' })

export const expiresAt = timestamp
  .nullable()
  .describe('Time from which the server may delete this record, once nothing needs it; null: never')

/** A whole number as a query parameter. */
function wholeNumber(minimum: number, maximum: number, initial?: number) {
  const error = ({ input }: { input?: unknown }) =>
    `is ${JSON.stringify(input)}, and must be a whole number from ${minimum} to ${maximum} in decimal digits`
  const number = z.number({ error }).int().min(minimum).max(maximum)
  return z.preprocess(readDigits(/^\d{1,15}$/), initial === undefined ? number : number.default(initial))
}

/** Seconds with or without a fraction, as a query parameter. */
const secondsParameter = z.preprocess(
  readDigits(/^\d{1,300}(\.\d{1,15})?$/),
  z
    .number({
      error: ({ input }) => `is ${JSON.stringify(input)}, and must be seconds in decimal digits, such as 30 or 0.5`,
    })
    .min(0),
)

/** Reads a text that has this form. `Number` alone would also read hexadecimal digits, exponents, signs and spaces. */
function readDigits(form: RegExp) {
  return (text: unknown) => (typeof text === 'string' && form.test(text) ? Number(text) : text)
}

/** A time as a query parameter. It becomes a text with milliseconds, as the catalog keeps times. */
const timeParameter = z.iso
  .datetime('must be a time in UTC, such as 2026-11-30T08:00:00Z')
  .optional()
  .transform(text => (text === undefined ? undefined : new Date(text).toISOString()))

/** Longest time to live, in seconds: ten years. A client that wants to keep a record longer gives no time to live. */
const maximumTtl = 315_360_000

/** Time to live in seconds, as a field of a body. */
export const ttl = z.number().int().min(1).max(maximumTtl)

/** Time to live in seconds, as a query parameter. */
export const ttlParameter = wholeNumber(1, maximumTtl)
  .optional()
  .describe('Seconds until the record expires; without it, the record stays until a client deletes it')

/** Header `Idempotency-Key` of the requests that create something. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(
      /^("[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x5b\x5d-\x7e]{1,255})$/,
      'has 1 to 255 printable ASCII characters, in quotes or without, and neither quotes nor backslashes within',
    )
    .transform(key => key.replace(/^"(.*)"$/, '$1'))
    .optional()
    .describe(
      'A key that the client chooses, such as a UUID. The same request with the same key gets the first answer again, with the header Idempotency-Replayed: true, and creates nothing. The key is free again when the created record is deleted',
    ),
})

/** The reason that lists and reads give for a record that is damaged on disk, or that a newer version wrote. */
export const unreadable = z
  .string()
  .describe('Reason why the server cannot read this record; clients can still list and delete it, and cancel a job')

export const name = z.string().min(1).max(200).describe('A name to find the record by; names need not be unique')

const labelKey = z
  .string()
  .regex(/^(?!__proto__$)[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$/, 'a label key has 1 to 63 letters, digits, or . _ / -')
const labelValue = z.string().max(256, 'a label value has 256 characters at most (Unicode code points)')

/** Most labels of one record. */
export const maximumLabels = 64

/**
 * Returns the keyword `maxProperties` for the schema of a map. The server checks the number of entries before it reads them.
 * Only requests are checked: records of earlier versions may have more entries.
 */
export function entriesAtMost(maxProperties: number): { maxProperties: number } {
  return { maxProperties }
}

export const labels = z
  .record(labelKey, labelValue)
  .meta(entriesAtMost(maximumLabels))
  .describe(
    'A flat map of strings, such as a run id, a git sha or a stage: at most 64 labels, with keys of at most 63 characters and values of at most 256 (Unicode code points)',
  )

/** Media types of a change of a record: RFC 7396 has a type of its own, and many clients send JSON as JSON. */
export const changeMediaTypes = ['application/json', 'application/merge-patch+json'] as const

/** A change of a model or data set, as a merge patch of its record (RFC 7396). */
export const recordChange = z
  .strictObject({
    name: name.nullable().optional().describe('New name; null removes the name'),
    labels: z
      .record(labelKey, labelValue.nullable())
      .meta(entriesAtMost(2 * maximumLabels))
      .nullable()
      .optional()
      .describe(
        'Labels to set, by their keys; null in place of a value removes a label, null in place of the map removes all',
      ),
  })
  .meta({ id: 'RecordChange' })

export type RecordChange = z.infer<typeof recordChange>

const labelTexts = z.union([z.string(), z.array(z.string()).min(1).max(maximumLabels)])

/** Reads texts `key:value` into a map from key to value. */
function readLabels(texts: string | string[] | undefined, context: z.RefinementCtx): Record<string, string> {
  const entries = new Map<string, string>()
  for (const text of [texts ?? []].flat()) {
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
}

/** The query parameter `label`, which a request may repeat, as a map. */
export const labelParameters = labelTexts
  .optional()
  .transform(readLabels)
  .describe('A label as key:value; a request may repeat the parameter')

/** Query parameters of an upload: fields of the new record. */
export const recordParameters = z.strictObject({ name: name.optional(), label: labelParameters, ttl: ttlParameter })

/** Selects the models that have a label. A request body may have this in place of a list of models. */
export const modelSelection = z
  .strictObject({
    label: labelTexts
      .transform(readLabels)
      .describe('A label as key:value, or a list of labels; selects the models that have all of them'),
  })
  .describe(
    'Instead of a list: every model with a label, such as {"label": "run:42"}, oldest first. The server looks them up once, when it accepts the request',
  )

export type ModelSelection = z.infer<typeof modelSelection>

/** The name of a model in a result, next to its id. */
export const resultName = name
  .nullable()
  .optional()
  .describe('Name of the model when the job ran; absent in results of earlier versions')

/** A model in a result: its id, its name and its digest. */
export const namedModel = z.object({ id, name: name.nullable(), sha256: digest })

export type NamedModel = z.infer<typeof namedModel>

/** Most seconds for which the server holds an answer back. HAProxy as Debian packages it cuts requests off after 50, nginx after 60. */
export const longestWait = 45

export const waitSeconds = secondsParameter
  .optional()
  .describe(
    `Seconds that the server holds the answer back, unless the job ends earlier; at most ${longestWait}: the server takes more as ${longestWait}, and says so in the header Tureen-Waited`,
  )

/** Most characters of a cursor: it can hold a name of 200 characters in base64. */
export const longestCursor = 1200

export const pageParameters = {
  limit: wholeNumber(1, 500, 50).describe('Most items in this page'),
  cursor: z.string().max(longestCursor).optional().describe('nextCursor of the previous page'),
}

/** Query parameters of lists that filter by the time of creation. */
export const createdParameters = {
  createdAfter: timeParameter.describe('Only records created at this time or later, such as 2026-11-30T08:00:00Z'),
  createdBefore: timeParameter.describe('Only records created before this time'),
}

/** Query parameters of lists that filter by size. */
export const bytesParameters = {
  minBytes: wholeNumber(0, 1e15 - 1)
    .optional()
    .describe('Only records with at least so many bytes'),
  maxBytes: wholeNumber(0, 1e15 - 1)
    .optional()
    .describe('Only records with at most so many bytes'),
}

/** Orders of lists of models and data sets. */
export const recordOrder = z.enum(['-created', 'created', 'name', '-name', 'bytes', '-bytes'])

export type RecordOrder = z.infer<typeof recordOrder>

const ties = 'records that are equal come in the order of their creation, with a minus the newest first'

/** Query parameter that sorts a list of models or data sets. */
export const recordSort = recordOrder
  .default('-created')
  .describe(
    `Order of the list. A minus reverses it. Names compare by their bytes in UTF-8, and records without a name come before all others; ${ties}`,
  )

/** Returns the schema of one page of a list. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('The cursor of the next page; null on the last page'),
  })
}

export const idParameter = z.object({ id: reference })

/** Returns the number that a text writes in decimal digits; NaN for hexadecimal digits, an empty text and any other text. */
export function decimal(text: string): number {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN
}
