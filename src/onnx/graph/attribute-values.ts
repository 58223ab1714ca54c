import type { Operator } from './network.ts'

/** Returns an integer attribute of an operator; `otherwise` if the operator does not have it. */
export function intAttribute({ attributes }: Operator, name: string, otherwise: number): number {
  const text = /^int (-?\d+)/.exec(attributes.get(name) ?? '')?.[1]
  return text === undefined ? otherwise : Number(text)
}

/** Returns the list of integers in an attribute of an operator; undefined if the operator does not have it. */
export function intsAttribute({ attributes }: Operator, name: string): number[] | undefined {
  const items = /^ints \[([^\]]*)\]/.exec(attributes.get(name) ?? '')?.[1]
  if (items === undefined) return undefined
  return items === '' ? [] : items.split(', ').map(Number)
}

/** Returns a string attribute of an operator; undefined if there is none, or if JSON escapes any of its characters. */
export function textAttribute({ attributes }: Operator, name: string): string | undefined {
  return /^string "([^"\\]*)"/.exec(attributes.get(name) ?? '')?.[1]
}
