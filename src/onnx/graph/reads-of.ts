import type { Operator, Value } from './network.ts'

/** Returns the values that an operator reads: its operands, then the outputs of its subgraphs. */
export function readsOf({ operands, subgraphs }: Operator): (Value | null)[] {
  return [...operands.map(({ value }) => value), ...subgraphs.flatMap(({ outputs }) => outputs)]
}
