import type { Operator, Value } from './network.ts'

/** The values that an operator reads: its operands, then what its subgraphs put out. */
export function readsOf({ operands, subgraphs }: Operator): (Value | null)[] {
  return [...operands.map(({ value }) => value), ...subgraphs.flatMap(({ outputs }) => outputs)]
}
