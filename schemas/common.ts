import { z } from 'zod'

/** A digest as the API writes it. */
export const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .describe('A digest: sha256:<64 hexadecimal digits>')

/** A digest as a query parameter: the prefix may be left out. */
export const digestParameter = z
  .string()
  .regex(/^(sha256:)?[0-9a-f]{64}$/, 'a digest is sha256:<64 hexadecimal digits>, the prefix may be left out')
  .describe('A digest, with sha256: before it or without')

export const id = z.string().describe('An opaque id; ids sort by creation')

/** How a request names a model or data set: its id, or its content's digest (then the newest record with that content). */
export const reference = z
  .string()
  .min(1)
  .max(200)
  .describe('An id, or the digest of the content, with sha256: before it or without (the newest record with it)')

export const timestamp = z.iso.datetime().describe('RFC 3339, UTC')

export const expiresAt = timestamp
  .nullable()
  .describe('Time from which the server may delete it, when nothing needs it any more; null: never')

/** A whole number as a query parameter. */
function wholeNumber(minimum: number, maximum: number, initial?: number) {
  const error = ({ input }: { input?: unknown }) =>
    `is ${JSON.stringify(input)}, and must be a whole number from ${minimum} to ${maximum} in decimal digits`
  const number = z.number({ error }).int().min(minimum).max(maximum)
  return z.preprocess(readDigits(/^\d{1,15}$/), initial === undefined ? number : number.default(initial))
}

/** A number with or without a fraction, as a query parameter. */
function fraction(minimum: number, maximum: number) {
  const error = ({ input }: { input?: unknown }) =>
    `is ${JSON.stringify(input)}, and must be from ${minimum} to ${maximum} in decimal digits, such as 0.5`
  return z.preprocess(readDigits(/^\d{1,15}(\.\d{1,15})?$/), z.number({ error }).min(minimum).max(maximum))
}

/** Reads what is written so. Number alone would also read hexadecimal digits, exponents, signs and spaces. */
function readDigits(form: RegExp) {
  return (text: unknown) => (typeof text === 'string' && form.test(text) ? Number(text) : text)
}

/** Ten years: what is to be kept for longer is kept for good. */
const maximumTtl = 315_360_000

/** Time to live, as a field of a body. */
export const ttl = z.number().int().min(1).max(maximumTtl)

/** Time to live, as a query parameter. */
export const ttlParameter = wholeNumber(1, maximumTtl)
  .optional()
  .describe('Seconds after which it expires; it is kept until it is deleted if left out')

/** Header of requests that create something. */
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
      'A key of the client’s choice, such as a UUID: repeated with it, the request has the answer that it had, the header Idempotency-Replayed: true, and no other effect. The key is free again when what was created is deleted',
    ),
})

/** What lists and reads show of a record that was damaged on the disk. */
export const unreadable = z
  .string()
  .describe('Why this record cannot be read. It can still be listed and deleted, and a job cancelled')

export const name = z.string().min(1).max(200).describe('A name to find it by; need not be unique')

const labelKey = z
  .string()
  .regex(/^(?!__proto__$)[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$/, 'a label key has 1 to 63 letters, digits, or . _ / -')
const labelValue = z.string().max(256, 'a label value has 256 characters at most (Unicode code points)')

/** Labels of one record. */
const maximumLabels = 64

/**
 * How many entries the map of a request may have. It stands in the JSON Schema, and requests are held to it before their entries are looked at;
 * records of earlier versions may have more.
 */
export function entriesAtMost(maxProperties: number): { maxProperties: number } {
  return { maxProperties }
}

export const labels = z
  .record(labelKey, labelValue)
  .meta(entriesAtMost(maximumLabels))
  .describe(
    'A flat map of strings, such as a run id, a git sha or a stage: 64 at most, keys of 63 characters and values of 256 (Unicode code points)',
  )

const labelTexts = z.union([z.string(), z.array(z.string()).min(1).max(maximumLabels)])

/** Texts `key:value` as a map. */
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

/** `label=key:value`, repeatable, as a map. */
export const labelParameters = labelTexts.optional().transform(readLabels).describe('key:value, may be repeated')

/** In a request body, instead of a list of models: those that have a label. */
export const modelSelection = z
  .strictObject({
    label: labelTexts.transform(readLabels).describe('key:value, or a list of those: the models that have all of them'),
  })
  .describe(
    'Instead of a list: every model with a label, such as {"label": "run:42"}, the oldest first. They are looked up once, when the request is taken',
  )

export type ModelSelection = z.infer<typeof modelSelection>

/** The name of a model in a result, beside its id. */
export const resultName = name
  .nullable()
  .optional()
  .describe('The name that it had when the job ran; absent in results of earlier versions')

/** A model that a result speaks of. */
export const namedModel = z.object({ id, name: name.nullable(), sha256: digest })

export type NamedModel = z.infer<typeof namedModel>

export const waitSeconds = fraction(0, 60)
  .optional()
  .describe('Hold the request until the job ends, this many seconds at most')

export const pageParameters = {
  limit: wholeNumber(1, 500, 50).describe('Items at most'),
  cursor: z.string().max(200).optional().describe('nextCursor of the page before'),
}

/** A page of a list, newest first. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

export const idParameter = z.object({ id: reference })
