import { z } from 'zod'
import { parseAuthority } from '../http/authority.ts'

/** Returns the schema of a variable that holds a whole number in decimal digits. */
export function wholeNumber(minimum: number, maximum: number, initial: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
    .default(initial)
}

/** Returns the schema of a variable that holds a decimal above 0 and up to 1. */
export function fraction(initial: number) {
  return z
    .string()
    .regex(/^(0?\.\d{1,6}|1(\.0{1,6})?)$/, 'must be a decimal above 0 and up to 1')
    .transform(Number)
    .pipe(z.number().gt(0).max(1))
    .default(initial)
}

/** The schema of a variable that holds the address of a database of PostgreSQL. The default is none. */
export const databaseUrl = z
  .string()
  .refine(
    text => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text),
    'must be a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE, with special characters of the password percent-encoded',
  )
  .optional()

/** Returns the schema of a variable that holds texts separated by commas; the default is none. */
export function list(isItem: (text: string) => boolean, message: string) {
  return z
    .string()
    .transform(text => text.split(',').map(item => item.trim()))
    .pipe(z.array(z.string().refine(isItem, message)))
    .default([])
}

/** True if a text is a host name or address, with or without a port. */
export function isAuthority(text: string): boolean {
  return parseAuthority(text) !== undefined
}

/** True if a text is an origin as browsers write it, or `*` for all origins. */
export function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && new URL(text).origin === text)
}

/** First segments of the server's own paths. With one of them as prefix, a path would have two meanings. */
const ownSegments = ['docs', 'healthz', 'metrics', 'openapi.json', 'page', 'problems', 'readyz', 'v1', 'v2']

/** The schema of a variable that holds the beginning of a path, such as `/tureen`, without the slash at its end. The default is none. */
export const pathPrefix = z
  .string()
  .transform(text => text.replace(/\/$/, ''))
  .pipe(
    z
      .string()
      .regex(
        /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*$/,
        'must be a path such as /tureen or /ml/tureen, without //, . and ..',
      )
      .refine(
        path => !ownSegments.includes(path.split('/')[1] ?? ''),
        `must not begin with a path of the server: ${ownSegments.join(', ')}`,
      ),
  )
  .default('')

/** A bucket of S3. `prefix`: beginning of all keys, without slashes at its ends; empty if there is none. */
export type S3Address = { bucket: string; prefix: string }

/** The schema of a variable that names a bucket of S3, with or without a prefix of keys: `s3://bucket/prefix`. */
export const s3Address = z
  .string()
  .regex(
    /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9!_.*'()-]+)*\/?$/,
    'must be a bucket such as s3://bucket or s3://bucket/prefix',
  )
  .transform((text): S3Address => {
    const [bucket = '', ...prefix] = text.slice('s3://'.length).replace(/\/$/, '').split('/')
    return { bucket, prefix: prefix.join('/') }
  })
  .optional()
