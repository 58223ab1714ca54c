import { z } from 'zod'
import { parseAuthority } from '../http/authority.ts'

/** A whole number in decimal digits. */
export function wholeNumber(minimum: number, maximum: number, initial: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
    .default(initial)
}

/** A number above 0 and up to 1, as a decimal. */
export function fraction(initial: number) {
  return z
    .string()
    .regex(/^(0?\.\d{1,6}|1(\.0{1,6})?)$/, 'must be a decimal above 0 and up to 1')
    .transform(Number)
    .pipe(z.number().gt(0).max(1))
    .default(initial)
}

/** Texts separated by commas, none by default. */
export function list(isItem: (text: string) => boolean, message: string) {
  return z
    .string()
    .transform(text => text.split(',').map(item => item.trim()))
    .pipe(z.array(z.string().refine(isItem, message)))
    .default([])
}

/** Whether a text names a host, perhaps with a port. */
export function isAuthority(text: string): boolean {
  return parseAuthority(text) !== undefined
}

/** Whether a text is an origin as browsers write it, or all of them. */
export function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && new URL(text).origin === text)
}
