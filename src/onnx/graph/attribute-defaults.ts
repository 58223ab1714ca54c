import { documentedDefaults } from '../generated/documented-defaults.ts'
import type { AttributeDefault, DefaultTable } from './default-table.ts'
import { isKnownOpset } from './known-opsets.ts'
import { operatorEpoch } from './operator-epochs.ts'
import { reviewedDefaults } from './reviewed-defaults.ts'

/** The defaults of one attribute, oldest first. */
type History = readonly (readonly [since: number, value: AttributeDefault | null])[]

const histories = new Map<string, Map<string, Map<string, History>>>()
for (const tables of [documentedDefaults, reviewedDefaults])
  for (const [domain, table] of Object.entries(tables)) addTable(domain, table)

/** Adds the defaults of a domain. A default of the same version is replaced. */
function addTable(domain: string, table: DefaultTable): void {
  const operators = histories.get(domain) ?? new Map<string, Map<string, History>>()
  histories.set(domain, operators)
  for (const [opType, attributes] of Object.entries(table)) {
    const known = operators.get(opType) ?? new Map<string, History>()
    operators.set(opType, known)
    for (const [name, values] of Object.entries(attributes)) {
      const merged = new Map(known.get(name))
      for (const [since, value] of Object.entries(values)) merged.set(Number(since), singlePrecision(value))
      known.set(
        name,
        [...merged].sort(([a], [b]) => a - b),
      )
    }
  }
}

function singlePrecision(value: AttributeDefault | null): AttributeDefault | null {
  return value && 'f' in value ? { f: Math.fround(value.f) } : value
}

/**
 * Returns the default of an attribute under a version of its domain. Undefined if there is none, if the attribute is
 * unknown, and for versions that Tureen does not know.
 *
 * An attribute that ONNX dropped keeps its default. An attribute that came later has its default in earlier versions of
 * the same meaning, too: there its absence means the default.
 */
export function attributeDefault(
  domain: string,
  opType: string,
  version: number,
  attribute: string,
): AttributeDefault | undefined {
  const history = isKnownOpset(domain, version) ? histories.get(domain)?.get(opType)?.get(attribute) : undefined
  const [first] = history ?? []
  if (!history || !first) return undefined
  const known = history.findLast(([since]) => since <= version)
  if (known) return known[1] ?? undefined
  const isSameMeaning = operatorEpoch(domain, opType, version) === operatorEpoch(domain, opType, first[0])
  return (isSameMeaning && first[1]) || undefined
}
