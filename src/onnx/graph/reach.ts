import type { GraphProto, NodeProto } from '../onnx-proto.ts'

/**
 * Returns the nodes in the subgraphs of a node, at any depth. Recursion is safe: the reader limits how deep messages
 * nest.
 */
export function nodesWithin({ attribute: attributes }: NodeProto): NodeProto[] {
  return (attributes ?? []).flatMap(({ g, graphs }) =>
    [...(g ? [g] : []), ...(graphs ?? [])].flatMap(({ node: nodes }: GraphProto) =>
      (nodes ?? []).flatMap(node => [node, ...nodesWithin(node)]),
    ),
  )
}

/**
 * Returns the names that a node reads, including those that its subgraphs read from outside (and some that they define
 * themselves).
 */
export function namesTaken(node: NodeProto): string[] {
  const outputs = (node.attribute ?? []).flatMap(({ g, graphs }) =>
    [...(g ? [g] : []), ...(graphs ?? [])].flatMap(({ output }: GraphProto) =>
      (output ?? []).map(({ name }) => name ?? ''),
    ),
  )
  return [node, ...nodesWithin(node)]
    .flatMap(({ input }) => input ?? [])
    .concat(outputs)
    .filter(name => name !== '')
}

/** Returns the index of the node that defines each value, by the value's name. */
export function producersOf(nodes: readonly NodeProto[]): Map<string, number> {
  return new Map(nodes.flatMap(({ output }, index) => (output ?? []).map((name): [string, number] => [name, index])))
}

/**
 * Returns the indices of the nodes that some values depend on, each after the nodes that it depends on. The order in
 * the file does not matter.
 */
export function reachedFrom(
  names: readonly string[],
  nodes: readonly NodeProto[],
  producers: ReadonlyMap<string, number>,
): number[] {
  const met = new Set<number>()
  const order: number[] = []
  const open: { index: number; done: boolean }[] = []
  const push = (name: string) => {
    const index = producers.get(name)
    if (index !== undefined && !met.has(index)) open.push({ index, done: false })
  }
  for (const name of names) {
    push(name)
    for (let next = open.pop(); next; next = open.pop()) {
      const node = nodes[next.index]
      if (next.done) order.push(next.index)
      if (next.done || met.has(next.index) || !node) continue
      met.add(next.index)
      open.push({ index: next.index, done: true })
      for (const taken of namesTaken(node)) push(taken)
    }
  }
  return order
}
