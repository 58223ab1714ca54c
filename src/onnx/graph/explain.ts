import { hash as digest } from 'node:crypto'
import { compareLeaves, compareOperators, type Difference, describe, operatorName, shown } from './differences.ts'
import type { Match } from './match.ts'
import type { Network, Operator, Value } from './network.ts'
import { networkHashes } from './network-hash.ts'
import { readsOf } from './reads-of.ts'
import { structureHint } from './structure-hints.ts'

type Pair = readonly [ours: Operator, theirs: Operator]
type Side = { network: Network; anchored: Set<Operator>; consumers: Map<Operator, Operator[]> }

/**
 * Explains why two networks differ by the first operators that do not line up. An operator lines up if its inputs, or
 * its readers, pair it with one of the other network. Differences inside of operators that line up follow. If all of
 * the other network's operators line up and only the values that they read differ, those values are named.
 */
export function explainHard(base: Network, other: Network, { differences: found, operators }: Match): Difference[] {
  const { sides, alike } = anchor(base, other, operators)
  const [ours, theirs] = sides
  const firstTheirs = firstUnanchored(theirs)
  const met = [...operators].find(pair => pair[1] === firstTheirs)?.[0]
  const firstOurs = met && !ours.anchored.has(met) ? met : firstUnanchored(ours)
  const outputs = found.filter(({ kind }) => kind === 'outputs')
  const isExact = found.every(({ kind, isHard }) => !isHard || kind === 'outputs' || kind === 'wiring')
  const first = firstTheirs ?? firstOurs
  const hint = first ? structureHint(base, other) : ''
  if (!first || (!firstTheirs && isExact))
    return [
      ...outputs,
      ...withHint(
        found.filter(({ kind }) => kind !== 'outputs'),
        hint,
      ),
    ]
  const lined = `${theirs.anchored.size} of ${other.operators.length} operators line up with the base's ${base.operators.length}`
  const said = firstDifference(firstOurs, firstTheirs, ours, theirs)
  const headline: Difference = {
    kind: 'operator',
    isHard: true,
    node: first.name,
    message: [said, hint, lined].filter(Boolean).join('; '),
  }
  const soft = [...found.filter(({ isHard }) => !isHard), ...alike.flatMap(differencesInside)]
  return [...outputs, headline, ...onceEach(soft)]
}

/** Adds the hint to the first difference. */
function withHint([first, ...rest]: readonly Difference[], hint: string): Difference[] {
  if (!first) return []
  return [hint ? { ...first, message: `${first.message}; ${hint}` } : first, ...rest]
}

/** Removes repeated differences of one tensor, which several operators may read. */
function onceEach(differences: readonly Difference[]): Difference[] {
  const said = new Set<string>()
  return differences.filter(({ tensor }) => {
    if (tensor === undefined) return true
    const isNew = !said.has(tensor)
    said.add(tensor)
    return isNew
  })
}

/** Returns the differences between two operators that are computed alike, and between the tensors that they read. */
function differencesInside([ours, theirs]: Pair): Difference[] {
  const found = compareOperators(ours, theirs)
  if (found.some(({ isHard }) => isHard)) return []
  const leaves = ours.operands.flatMap(({ value }, index) => {
    const their = theirs.operands[index]?.value
    return (value?.kind === 'leaf' && their?.kind === 'leaf' && compareLeaves(value, their, ours)) || []
  })
  return [...found, ...leaves]
}

function firstDifference(
  ours: Operator | undefined,
  theirs: Operator | undefined,
  ourSide: Side,
  theirSide: Side,
): string {
  const place = (operator: Operator, side: Side) => `${named(operator)} ${surroundings(operator, side)}`
  if (ours && theirs) return `has ${place(theirs, theirSide)} where the base has ${place(ours, ourSide)}`
  if (theirs) return `has ${place(theirs, theirSide)} where the base has none`
  return ours ? `has none where the base has ${place(ours, ourSide)}` : ''
}

function named(operator: Operator): string {
  const name = operatorName(operator)
  return operator.name.startsWith(`${operator.opType} #`) ? name : `${name} ${shown(operator.name)}`
}

/** Describes an operator's place by the first value that it reads and the first operator that reads it. */
function surroundings(operator: Operator, { consumers }: Side): string {
  const read = operator.operands.map(({ value }) => value).find(isComputed)
  const after = read ? `after ${read.kind === 'result' ? named(read.operator) : describe(read)}` : ''
  const [reader] = consumers.get(operator) ?? []
  return [after, reader ? `before ${named(reader)}` : 'before an output'].filter(Boolean).join(', ')
}

function isComputed(value: Value | null): value is Value {
  return value !== null && value.kind !== 'leaf'
}

/**
 * Pairs operators as the walk from the outputs did. The rest is paired by what it is computed from, then by what is
 * computed from it, ignoring attributes, dims and values. `alike`: pairs found by what they are computed from.
 */
function anchor(base: Network, other: Network, met: Match['operators']): { sides: [Side, Side]; alike: Pair[] } {
  const alike: Pair[] = []
  const sides: [Side, Side] = [sideOf(base), sideOf(other)]
  for (const [ours, theirs] of met) {
    if (sides[1].anchored.has(theirs) || compareOperators(ours, theirs).some(({ isHard }) => isHard)) continue
    sides[0].anchored.add(ours)
    sides[1].anchored.add(theirs)
  }
  for (const hashOf of [hashesForward, hashesBackward]) {
    const [ours, theirs] = sides.map(side => {
      const hashes = hashOf(side)
      const byHash = new Map<string, Operator[]>()
      for (const operator of side.network.operators) {
        if (side.anchored.has(operator)) continue
        const hash = hashes(operator)
        const some = byHash.get(hash)
        if (some) some.push(operator)
        else byHash.set(hash, [operator])
      }
      return byHash
    })
    for (const [hash, some] of ours ?? []) {
      const others = theirs?.get(hash) ?? []
      for (const [index, operator] of some.slice(0, others.length).entries()) {
        sides[0].anchored.add(operator)
        const pair = others[index]
        if (!pair) continue
        sides[1].anchored.add(pair)
        if (hashOf === hashesForward) alike.push([operator, pair])
      }
    }
  }
  return { sides, alike }
}

function sideOf(network: Network): Side {
  const consumers = new Map<Operator, Operator[]>()
  for (const operator of network.operators) {
    for (const read of readsOf(operator)) {
      if (read?.kind !== 'result') continue
      const some = consumers.get(read.operator)
      if (some) some.push(operator)
      else consumers.set(read.operator, [operator])
    }
  }
  return { network, anchored: new Set(), consumers }
}

function hashesForward({ network }: Side): (operator: Operator) => string {
  const hashes = networkHashes(network, { leaf: () => 'tensor', operator: operatorName })
  return hashes.ofOperator
}

/** Hashes each operator by the operators that read it and their ports, up to the outputs. */
function hashesBackward({ network }: Side): (operator: Operator) => string {
  const readers = new Map<Operator, string[]>()
  const hashes = new Map<Operator, string>()
  const note = (value: Value | null, by: string) => {
    if (value?.kind !== 'result') return
    const some = readers.get(value.operator) ?? []
    readers.set(value.operator, some)
    some.push(`${value.index} ${by}`)
  }
  for (const kind of ['outputs', 'training'] as const) {
    network[kind].forEach((value, index) => {
      note(value, `${kind} ${index}`)
    })
  }
  for (const operator of network.operators.toReversed()) {
    const hash = digest(
      'sha256',
      JSON.stringify([operatorName(operator), ...(readers.get(operator) ?? []).sort()]),
      'hex',
    )
    hashes.set(operator, hash)
    readsOf(operator).forEach((value, port) => {
      note(value, `${port} ${hash}`)
    })
  }
  return operator => hashes.get(operator) ?? ''
}

function firstUnanchored({ network, anchored }: Side): Operator | undefined {
  return network.operators.find(operator => !anchored.has(operator))
}
