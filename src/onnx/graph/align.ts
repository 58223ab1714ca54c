import { type BothHashes, bothHashes } from './both-hashes.ts'
import { isCommutative, isTied, pairByKind, pairCommutative } from './commutative.ts'
import type { NameBudget } from './cone-names.ts'
import { type Difference, shown } from './differences.ts'
import { explainHard } from './explain.ts'
import {
  contradictsOrder,
  type InputPairs,
  inputPairs,
  type NamePairs,
  pairNames,
  pairOrder,
} from './interface-pairs.ts'
import { type Match, type MatchSettings, matchNetworks } from './match.ts'
import type { Leaf, Network, NetworkInput, Operator } from './network.ts'
import type { NetworkFiles } from './network-files.ts'
import { pairOpenOutputs } from './open-outputs.ts'
import { type Head, headOf, isInHead, valuesBeneath } from './other-head.ts'

/**
 * How two networks line up. `paired`: pairs of inputs and outputs by their names. `outputs`: all pairs of outputs,
 * including those that structure paired.
 */
export type Alignment = Match & {
  paired: { inputs: NamePairs; outputs: NamePairs }
  outputs: NamePairs['pairs']
  /** The part of the base that was not compared. */
  head?: Head
}

/**
 * The largest number of pairs of inputs that are exchanged on trial, if names leave them open: all pairs of eight
 * inputs.
 */
const mostExchanges = 28

/** The number of values whose names may be read, in all ties of one alignment together. */
const nameBudget = 200_000

/**
 * Pairs the tensors of two models. Inputs and outputs are paired by name, as runtimes address them. Without a common
 * name they pair in the order of the files. If only some names are common, the rest pairs in the one way that fits the
 * structure. Hard differences are explained by the operators that line up around them.
 *
 * @throws TureenError `TUREEN_MODEL_LIMIT`; also if a tensor cannot be read
 */
export function alignNetworks(base: NetworkFiles, other: NetworkFiles): Alignment {
  const [ours, theirs] = [base.network, other.network]
  const named = (network: Network) => network.inputs.map(({ name }) => name)
  const inputs = pairNames(named(ours), named(theirs))
  const outputs = pairNames(ours.outputNames, theirs.outputNames)
  const found = alignPaired(base, other, inputs, outputs)
  if (found.differences.length === 0) {
    const unclear = unclearInputs(base, other, found)
    return unclear ? { ...found, differences: [unclear] } : found
  }
  if (contradictsOrder(inputs) || contradictsOrder(outputs)) {
    const [inOrder, outOrder] = [pairOrder(named(ours), named(theirs)), pairOrder(ours.outputNames, theirs.outputNames)]
    if (alignPaired(base, other, inOrder, outOrder).differences.length === 0)
      return { ...found, differences: [onlyInOrder(base, other, inputs, outputs)] }
  }
  if (!found.differences.some(({ isHard }) => isHard)) return found
  const interfaces = new Set(found.differences.filter(({ kind }) => kind === 'outputs'))
  const explained = explainHard(ours, theirs, found)
  return { ...found, differences: [...interfaces, ...explained.filter(difference => !interfaces.has(difference))] }
}

/** Aligns two networks, given pairs of their inputs and outputs. */
function alignPaired(base: NetworkFiles, other: NetworkFiles, inputs: NamePairs, outputs: NamePairs): Alignment {
  return alignInputs(base, other, inputPairs(base.network, other.network, inputs), { inputs, outputs })
}

function alignInputs(
  base: NetworkFiles,
  other: NetworkFiles,
  inputs: InputPairs,
  paired: Alignment['paired'],
): Alignment {
  const hashes = bothHashes(base, other, inputs)
  const { pairs, differences } = pairOpenOutputs(base.network, other.network, paired.outputs, hashes)
  const match = matchNetworks(base, other, {
    inputs,
    outputs: pairs,
    ...operandPairing(hashes),
  })
  return { ...match, differences: [...differences, ...match.differences], paired, outputs: pairs }
}

function operandPairing({ ours, theirs }: BothHashes): Pick<MatchSettings, 'isTied' | 'pairOperands'> {
  const budget: NameBudget = { left: nameBudget }
  const areFree = (a: Operator, b: Operator) => isCommutative(a) && isCommutative(b) && !pairByKind(a, b)
  const hashes = () => ({ ours: ours(), theirs: theirs() })
  return {
    isTied: (a, b) => areFree(a, b) && isTied(a, b, hashes()),
    pairOperands: (a, b, marks) => (areFree(a, b) ? pairCommutative(a, b, hashes(), marks, budget) : undefined),
  }
}

/**
 * Aligns what two networks share beneath a head of the base. The head is the operators that read tensors without need
 * of a counterpart, and everything that depends on them. The rest of the base must be in the other network; returns
 * null if it is not.
 *
 * @param alignment the alignment that failed
 * @param isCarried returns true if a tensor of the base needs no counterpart
 * @returns an alignment whose only differences are weights in the head that are not carried
 * @throws TureenError as {@link alignNetworks} does
 */
export function alignBeneath(
  base: NetworkFiles,
  other: NetworkFiles,
  { paired }: Alignment,
  isCarried: (leaf: Leaf) => boolean,
): Alignment | null {
  const inputs = inputPairs(base.network, other.network, paired.inputs)
  const hashes = bothHashes(base, other, inputs)
  for (const view of ['inexact', 'exact'] as const) {
    const { ours, theirs } = view === 'inexact' ? hashes : bothHashes(base, other, inputs, view)
    const shared = new Set(other.network.operators.map(operator => theirs().ofOperator(operator)))
    const head = headOf(base.network, isCarried, operator => shared.has(ours().ofOperator(operator)))
    if (!head) continue
    const outputs = paired.outputs.pairs.filter(([place]) => !isInHead(head, base.network.outputs[place] ?? null))
    const values = valuesBeneath(head, other.network, { ours: hashes.ours(), theirs: hashes.theirs() })
    const match = matchNetworks(base, other, { inputs, outputs, values, ...operandPairing(hashes) })
    const compared = new Set(outputs.map(([place]) => place))
    const isCovered = base.network.outputs.every((value, place) => isInHead(head, value) || compared.has(place))
    if (!isCovered || match.differences.length > 0) continue
    const alone = base.network.leaves.filter(
      leaf => leaf.isWeight && !isCarried(leaf) && !match.leaves.has(leaf) && !match.zeros.has(leaf),
    )
    const [first] = head.operators
    const differences = alone.map(({ name }): Difference => {
      const message = `is in the part of the base that begins at the skipped tensors (${shown(first?.name)}), which this model does not have: skip it as well`
      return { kind: 'tensor', isHard: false, tensor: name, message }
    })
    return { ...match, differences, paired, outputs, head }
  }
  return null
}

/**
 * Returns a difference if inputs whose names are not in both models can be paired in several ways. If two inputs of one
 * type can be exchanged, nothing decides between them.
 */
function unclearInputs(base: NetworkFiles, other: NetworkFiles, { inputs, paired }: Alignment): Difference | undefined {
  if (paired.inputs.by !== 'mixed') return undefined
  const open = inputPairs(base.network, other.network, paired.inputs).open
  const bound = [...inputs].filter(([ours]) => open.ours.has(ours))
  const exchanges = [...sameTypePairs(bound.map(([ours]) => ours)).take(mostExchanges + 1)]
  const isUnclear = ([a, b]: readonly [NetworkInput, NetworkInput]) => {
    const [toA, toB] = [inputs.get(a), inputs.get(b)]
    if (!toA || !toB) return false
    const exchanged = new Map([...inputs, [a, toB], [b, toA]])
    const all: InputPairs = { fixed: exchanged, open: { ours: new Set(), theirs: new Set() } }
    return alignInputs(base, other, all, paired).differences.length === 0
  }
  const tooMany = exchanges.length > mostExchanges
  const exchange = exchanges.slice(0, mostExchanges).find(isUnclear) ?? (tooMany ? exchanges[0] : undefined)
  if (!exchange) return undefined
  const [ours, theirs] = [[...open.ours], [...open.theirs]].map(some => some.map(({ name }) => shown(name)).join(', '))
  const message = `has the inputs ${theirs} where the base has ${ours}: names do not say which is which, and structure fits in more than one way (${exchange.map(({ name }) => shown(name)).join(' and ')} can be exchanged). Give the inputs of both models the same names`
  return { kind: 'wiring', isHard: true, message }
}

/** Yields pairs of inputs of one type, in order. There may be quadratically many. */
function* sameTypePairs(inputs: readonly NetworkInput[]): Generator<readonly [NetworkInput, NetworkInput]> {
  const ofType = Map.groupBy(inputs, ({ type }) => type)
  const met = new Map<string, number>()
  for (const a of inputs) {
    const place = (met.get(a.type) ?? 0) + 1
    met.set(a.type, place)
    for (const b of ofType.get(a.type)?.values().drop(place) ?? []) yield [a, b]
  }
}

/**
 * Returns the difference between networks that would match if inputs and outputs were paired by order instead of by
 * name.
 */
function onlyInOrder(base: NetworkFiles, other: NetworkFiles, inputs: NamePairs, outputs: NamePairs): Difference {
  const words = (pairs: NamePairs, names: readonly string[]) =>
    contradictsOrder(pairs) ? [names.map(shown).join(', ')] : []
  const both = ({ network }: NetworkFiles) =>
    [
      ...words(
        inputs,
        network.inputs.map(({ name }) => name),
      ),
      ...words(outputs, network.outputNames),
    ].join('; ')
  const message = `lists ${both(other)} where the base lists ${both(base)}: inputs and outputs are paired by name, and so paired the networks differ. They would match in the order of the files, so one of the two seems to have names exchanged: rename them, or export both the same way`
  return { kind: 'wiring', isHard: true, message }
}
