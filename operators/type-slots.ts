import type { OperatorSignatures } from '../src/onnx/graph/operator-signatures.ts'
import type { DocumentedOperator, DocumentedSlot } from './read-changelog.ts'

/** The floating-point types that soups average, by their letter. */
const letters: Readonly<Record<string, string>> = {
  'tensor(double)': 'd',
  'tensor(float)': 'f',
  'tensor(float16)': 'h',
  'tensor(bfloat16)': 'b',
}
const floatingPoint = /^tensor\((double|b?float\w*)\)$/

/** Returns the types that the operators of one domain take. Versions that do not change them are left out. */
export function typeSlots(operators: readonly DocumentedOperator[]): OperatorSignatures {
  const table: Record<string, Record<number, string>> = {}
  for (const [opType, versions] of Map.groupBy(operators, operator => operator.opType)) {
    const signatures: [since: number, signature: string][] = []
    for (const version of versions.toSorted((a, b) => a.since - b.since)) {
      const signature = signatureOf(version)
      if (signature !== signatures.at(-1)?.[1]) signatures.push([version.since, signature])
    }
    table[opType] = Object.fromEntries(signatures)
  }
  return table
}

/** Returns '' for deprecated versions, for sequences and optional values, and if the values of one input may have different types. */
function signatureOf({ inputs, outputs, typeVariables, isDeprecated }: DocumentedOperator): string {
  const slots = [...inputs, ...outputs]
  const typesOf = ({ type }: DocumentedSlot) => typeVariables.get(type) ?? [type]
  const isTensor = (slot: DocumentedSlot) => typesOf(slot).some(type => type.startsWith('tensor('))
  if (isDeprecated || slots.some(slot => slot.isMixed || !isTensor(slot))) return ''
  const sets: string[] = []
  const known = new Map<string, string>()
  const letterOf = (slot: DocumentedSlot): string => {
    const types = typesOf(slot)
    if (!types.some(type => floatingPoint.test(type))) return '-'
    const letter = known.get(slot.type) ?? String.fromCharCode('a'.charCodeAt(0) + sets.length)
    if (known.has(slot.type)) return letter
    sets.push(
      Object.entries(letters)
        .map(([type, code]) => (types.includes(type) ? code : ''))
        .join(''),
    )
    // Two inputs with the same plain type do not share it: an operator may later let one of them vary.
    if (typeVariables.has(slot.type)) known.set(slot.type, letter)
    return letter
  }
  const side = (list: readonly DocumentedSlot[]) =>
    list.map(slot => letterOf(slot) + (slot.isVariadic ? '+' : '')).join('')
  const [before, after] = [side(inputs), side(outputs)]
  return [`${before}>${after}`, ...(sets.length > 0 ? [sets.join()] : [])].join(' ')
}
