import { hash as digest } from 'node:crypto'
import type { Leaf, Network, NetworkInput, Operand, Operator, Value } from './network.ts'

/** What of a network a hash takes in. */
export type HashView = {
  /** What is hashed of a leaf. */
  leaf(leaf: Leaf): string
  /** What is hashed of an input; its type if this is left out. */
  input?(input: NetworkInput): string
  /** What is hashed of an operator, besides what it reads. */
  operator(operator: Operator): string
  /** The operands that are hashed; all if this is left out. */
  operands?(operator: Operator): readonly Operand[]
  /** Operands in the order in which they are hashed, by their hashes. */
  order?(operator: Operator, hashes: readonly string[]): readonly string[]
}

export type NetworkHashes = { of(value: Value | null): string; ofOperator(operator: Operator): string }

/**
 * The Merkle hash of every value of a network: equal where what computes them is equal, as far as the view looks. No name has a part in
 * it unless the view brings one in. Linear in the size of the graph.
 */
export function networkHashes({ operators }: Pick<Network, 'operators'>, view: HashView): NetworkHashes {
  const ofOperators = new Map<Operator, string>()
  const ofLeaves = new Map<Leaf, string>()
  const ofOperator = (operator: Operator) => ofOperators.get(operator) ?? ''
  const of = (value: Value | null): string => {
    if (value === null) return '-'
    switch (value.kind) {
      case 'input':
        return `input ${view.input ? view.input(value) : value.type}`
      case 'formal':
        return `formal ${value.depth} ${value.attribute} ${value.index}`
      case 'free':
        return `free ${JSON.stringify(value.name)}`
      case 'result':
        return `${value.index} of ${ofOperator(value.operator)}`
      default: {
        const known = ofLeaves.get(value)
        const hash = known ?? view.leaf(value)
        if (known === undefined) ofLeaves.set(value, hash)
        return hash
      }
    }
  }
  for (const operator of operators) ofOperators.set(operator, hashOperator(operator, view, of))
  return { of, ofOperator }
}

function hashOperator(operator: Operator, view: HashView, of: (value: Value | null) => string): string {
  const operands = view.operands?.(operator) ?? operator.operands
  const hashes = operands.map(({ value }) => of(value))
  const parts = [
    view.operator(operator),
    ports(operands),
    ...(view.order?.(operator, hashes) ?? hashes),
    ...operator.subgraphs.flatMap(({ attribute, formals, outputs }) => [`${attribute} ${formals}`, ...outputs.map(of)]),
  ]
  return digest('sha256', JSON.stringify(parts), 'hex')
}

function ports(operands: readonly Operand[]): string {
  return operands.map(({ port }) => port).join()
}

/** An operator by everything that it is itself: what must be equal for two to be the same. */
export function operatorLabel({ domain, opType, epoch, attributes, outputs }: Operator): string {
  return JSON.stringify([domain, opType, epoch, [...attributes], outputs])
}
