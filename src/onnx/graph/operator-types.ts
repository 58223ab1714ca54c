import { documentedTypeSlots } from '../generated/documented-type-slots.ts'
import { contribOperators } from './contrib-operator-types.ts'
import { isKnownOpset } from './known-opsets.ts'
import type { OperatorSignatures } from './operator-signatures.ts'
import { reviewedTypeSlots, untoldSince } from './reviewed-type-slots.ts'

type Signatures = readonly (readonly [since: number, signature: string])[]

/**
 * Returns the signatures of each operator, oldest first. Later tables replace signatures of the same version in earlier
 * ones.
 */
function signaturesOf(...tables: readonly OperatorSignatures[]): ReadonlyMap<string, Signatures> {
  const opTypes = new Set(tables.flatMap(Object.keys))
  return new Map(
    [...opTypes].map(opType => {
      const merged: OperatorSignatures[string] = Object.assign({}, ...tables.map(table => table[opType]))
      return [opType, Object.entries(merged).map(([since, signature]) => [Number(since), signature] as const)]
    }),
  )
}

const domains: ReadonlyMap<string, ReadonlyMap<string, Signatures>> = new Map([
  ['', signaturesOf(documentedTypeSlots, reviewedTypeSlots)],
  ['com.microsoft', signaturesOf(contribOperators)],
])

const dtypes: Readonly<Record<string, string>> = { d: 'float64', f: 'float32', h: 'float16', b: 'bfloat16' }

/**
 * A type that some inputs and outputs of an operator share. `admits`: names of the floating-point types that it may be.
 */
export type SharedType = { admits: readonly string[] }

/** The shared type of each input and output, by position; null if it is never a float. */
export type OperatorTypes = {
  input(index: number): SharedType | null
  output(index: number): SharedType | null
}

/**
 * Returns an operator's types; null if Tureen does not know the operator or its version, or cannot follow the types.
 */
export function operatorTypes(domain: string, opType: string, version: number): OperatorTypes | null {
  if (!isKnownOpset(domain, version) || (domain === '' && version >= (untoldSince.get(opType) ?? Infinity))) return null
  const signatures = domains.get(domain)?.get(opType)
  const signature = signatures?.findLast(([since]) => since <= version)?.[1]
  if (!signature) return null
  const [slots = '', sets = ''] = signature.split(' ')
  const [inputs = '', outputs = ''] = slots.split('>')
  const shared = sets.split(',').map((set): SharedType => ({ admits: [...set].flatMap(code => dtypes[code] ?? []) }))
  const at = (letters: string, index: number) => {
    const repeats = letters.endsWith('+')
    const letter = letters[repeats ? Math.min(index, letters.length - 2) : index] ?? '-'
    return shared[letter.charCodeAt(0) - 'a'.charCodeAt(0)] ?? null
  }
  return { input: index => at(inputs, index), output: index => at(outputs, index) }
}
