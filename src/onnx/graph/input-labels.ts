import { hash as digest } from 'node:crypto'
import { isCommutative } from './commutative.ts'
import type { Network, NetworkInput, Value } from './network.ts'
import { type HashView, networkHashes } from './network-hash.ts'

/**
 * Returns a function that labels the inputs of a network without their names and order. A label is the input's type,
 * refined once by the operators that read it and by what else these read. Two inputs may share a label although the
 * structure further away differs.
 */
export function inputLabels(network: Network, view: HashView): (input: NetworkInput) => string {
  const { ofOperator } = networkHashes(network, { ...view, input: ({ type }) => type })
  const readers = new Map<NetworkInput, string[]>(network.inputs.map(input => [input, []]))
  const note = (value: Value | null, by: readonly unknown[]) => {
    if (value?.kind === 'input') readers.get(value)?.push(JSON.stringify(by))
  }
  for (const operator of network.operators) {
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
