import type { Operator } from './network.ts'

/** The whole number that an attribute of an operator is; the default if the operator does not have it. */
export function intAttribute({ attributes }: Operator, name: string, otherwise: number): number {
  const text = /^int (-?\d+)/.exec(attributes.get(name) ?? '')?.[1]
  return text === undefined ? otherwise : Number(text)
}

/** The whole numbers that an attribute of an operator is; undefined if the operator does not have it. */
export function intsAttribute({ attributes }: Operator, name: string): number[] | undefined {
  const items = /^ints \[([^\]]*)\]/.exec(attributes.get(name) ?? '')?.[1]
  if (items === undefined) return undefined
  return items === '' ? [] : items.split(', ').map(Number)
}

/** The text that an attribute of an operator is, without characters that JSON escapes; undefined if it is no such text. */
export function textAttribute({ attributes }: Operator, name: string): string | undefined {
  return /^string "([^"\\]*)"/.exec(attributes.get(name) ?? '')?.[1]
}
