import { hash as digest } from 'node:crypto'
import { isCommutative } from './commutative.ts'
import type { Network, NetworkInput, Operator, Value } from './network.ts'
import { type HashView, networkHashes } from './network-hash.ts'
import { readsOf } from './reads-of.ts'

/**
 * Returns a function that labels the inputs of a network without their names and order. A label is the input's type,
 * refined once by the operators that read it and by what else these read. Two inputs may share a label although the
 * structure further away differs.
 */
export function inputLabels(network: Network, view: HashView): (input: NetworkInput) => string {
  const direct = inputReaders(network)
  const { ofOperator } = networkHashes({ operators: upTo(direct, network) }, { ...view, input: ({ type }) => type })
  const readers = new Map<NetworkInput, string[]>(network.inputs.map(input => [input, []]))
  const note = (value: Value | null, by: readonly unknown[]) => {
    if (value?.kind === 'input') readers.get(value)?.push(JSON.stringify(by))
  }
  for (const operator of direct) {
    const hash = ofOperator(operator)
    for (const { port, value } of view.operands?.(operator) ?? operator.operands)
      note(value, [hash, isCommutative(operator) ? '' : port])
    for (const { attribute, outputs } of operator.subgraphs)
      outputs.forEach((value, index) => {
        note(value, [hash, attribute, index])
      })
  }
  for (const value of network.outputs) note(value, ['output'])
  network.training.forEach((value, index) => {
    note(value, ['training', index])
  })
  const labels = new Map(
    [...readers].map(([input, by]) => [input, digest('sha256', JSON.stringify([input.type, ...by.sort()]), 'hex')]),
  )
  return input => labels.get(input) ?? input.type
}

/** Returns the operators that read an input of the network directly. */
function inputReaders({ operators }: Network): Operator[] {
  const isInput = (value: Value | null) => value?.kind === 'input'
  return operators.filter(
    ({ operands, subgraphs }) =>
      operands.some(({ value }) => isInput(value)) || subgraphs.some(({ outputs }) => outputs.some(isInput)),
  )
}

/** Returns some operators and all that they are computed from, in the order of the network. */
function upTo(some: readonly Operator[], { operators }: Network): Operator[] {
  const open = [...some]
  const needed = new Set(open)
  for (let operator = open.pop(); operator; operator = open.pop()) {
    for (const value of readsOf(operator)) {
      if (value?.kind !== 'result' || needed.has(value.operator)) continue
      needed.add(value.operator)
      open.push(value.operator)
    }
  }
  return operators.filter(operator => needed.has(operator))
}
