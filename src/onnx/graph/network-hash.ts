import { hash as sha256 } from 'node:crypto'
import { byNumber } from './by-number.ts'
import type { Leaf, Network, NetworkInput, Operand, Operator, Value } from './network.ts'

/** The parts of a network that a hash includes. */
export type HashView = {
  /** Returns the text that is hashed for a leaf. */
  leaf(leaf: Leaf): string
  /** Returns the text that is hashed for an input. Defaults to its type. */
  input?(input: NetworkInput): string
  /** Returns the text that is hashed for an operator, besides the values that it reads. */
  operator(operator: Operator): string
  /** Returns the operands that are hashed. Defaults to all. */
  operands?(operator: Operator): readonly Operand[]
  /** Returns the hashes of operands in the order in which they are hashed. */
  order?(operator: Operator, hashes: readonly string[]): readonly string[]
  /** Returns a short text that identifies a text. Defaults to its sha256. */
  digest?(text: string): string
}

export type NetworkHashes = { of(value: Value | null): string; ofOperator(operator: Operator): string }

/**
 * Returns the Merkle hash of every value of a network. It is equal for values that are computed alike, as far as the
 * view can tell. Names have no part in it unless the view adds them. Takes time linear in the size of the graph.
 */
export function networkHashes({ operators }: Pick<Network, 'operators'>, view: HashView): NetworkHashes {
  /** By the operator's number. */
  const ofOperators = byNumber<string>(operators)
  const ofLeaves = new Map<Leaf, string>()
  const ofOperator = (operator: Operator) => ofOperators[operator.id] ?? ''
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
  for (const operator of operators) ofOperators[operator.id] = hashOperator(operator, view, of)
  return { of, ofOperator }
}

function hashOperator(operator: Operator, view: HashView, of: (value: Value | null) => string): string {
  const operands = view.operands?.(operator) ?? operator.operands
  const hashes = operands.map(({ value }) => of(value))
  const parts = [view.operator(operator), ports(operands)]
  for (const hash of view.order?.(operator, hashes) ?? hashes) parts.push(hash)
  for (const { attribute, formals, outputs } of operator.subgraphs) {
    parts.push(`${attribute} ${formals}`)
    for (const output of outputs) parts.push(of(output))
  }
  const text = JSON.stringify(parts)
  return view.digest ? view.digest(text) : sha256('sha256', text, 'hex')
}

function ports(operands: readonly Operand[]): string {
  return operands.map(({ port }) => port).join()
}

/** Returns everything that must be equal for two operators to be the same, apart from what they read. */
export function operatorLabel({ domain, opType, epoch, attributes, outputs }: Operator): string {
  return JSON.stringify([domain, opType, epoch, [...attributes], outputs])
}
