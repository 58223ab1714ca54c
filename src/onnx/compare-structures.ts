import type { ProblemItem } from '../errors.ts'
import { isAttributeFloats } from './layout.ts'
import { type Branch, initializerPrefix, isList, type Structure, type Tree } from './structure.ts'

/** Differences beyond this many are counted, not listed. */
const listedDifferences = 100

type Place = { node?: string; tensor?: string; fields: readonly string[] }
type Report = (place: Place, message: string) => void

/** Every difference between a model's structure and the base's, each placed at its node or tensor; none if they agree. */
export function compareStructures(base: Structure, other: Structure): ProblemItem[] {
  const found: ProblemItem[] = []
  let total = 0
  const report: Report = ({ node, tensor, fields }, message) => {
    total += 1
    if (found.length >= listedDifferences) return
    const where = fields.join('.')
    found.push({
      ...(node === undefined ? {} : { node }),
      ...(tensor === undefined ? {} : { tensor }),
      message: where ? `${where}: ${message}` : message,
    })
  }
  compareBranches(base.tree, other.tree, { fields: [] }, report)
  compareOpaque(base, other, report)
  if (total > found.length) found.push({ message: `and ${total - found.length} more differences` })
  return found
}

function compareTrees(base: Tree, other: Tree, place: Place, report: Report): void {
  if (base instanceof Map && other instanceof Map) compareBranches(base, other, place, report)
  else if (isList(base) && isList(other)) compareLists(base, other, place, report)
  else if (!Object.is(base, other)) report(place, `is ${show(other)}, in the base ${show(base)}`)
}

function compareBranches(base: Branch, other: Branch, place: Place, report: Report): void {
  for (const key of new Set([...base.keys(), ...other.keys()])) {
    const ours = base.get(key)
    const theirs = other.get(key)
    const inner = enter(place, key)
    if (ours === undefined) report(inner, `is ${show(theirs)}, the base has none`)
    else if (theirs === undefined) report(inner, `is missing, in the base it is ${show(ours)}`)
    else if (key === 'node' && isList(ours) && isList(theirs)) compareNodes(ours, theirs, place, report)
    else compareTrees(ours, theirs, inner, report)
  }
}

function compareLists(base: readonly Tree[], other: readonly Tree[], place: Place, report: Report): void {
  if (base.length !== other.length || ![...base, ...other].every(item => item instanceof Map)) {
    if (!equalTrees(base, other)) report(place, `is ${show(other)}, in the base ${show(base)}`)
    return
  }
  base.forEach((item, index) => {
    const theirs = other[index]
    const name = text(item, 'name')
    const label = theirs !== undefined && name !== '' && name === text(theirs, 'name') ? name : String(index)
    if (theirs !== undefined) compareTrees(item, theirs, { ...place, fields: [...place.fields, label] }, report)
  })
}

function compareNodes(base: readonly Tree[], other: readonly Tree[], place: Place, report: Report): void {
  if (base.length !== other.length) {
    const first = base.findIndex((node, index) => !equalTrees(node, other[index] ?? ''))
    const at = first < 0 ? base.length : first
    const [ours, theirs] = [base[at], other[at]].map((node, index) =>
      node ? nodeName(node, at) : index ? 'the end' : 'its end',
    )
    const named = other[at] ?? base[at]
    const node = named === undefined ? {} : { node: nodeName(named, at) }
    report(
      { ...place, ...node },
      `the graph has ${other.length} nodes, the base ${base.length}; the first that differs is ${theirs} where the base has ${ours}`,
    )
    return
  }
  base.forEach((node, index) => {
    const theirs = other[index]
    if (theirs === undefined) return
    const ourType = text(node, 'opType')
    const theirType = text(theirs, 'opType')
    const here = { ...place, node: nodeName(theirs, index), fields: [] }
    if (ourType !== theirType)
      report(here, `is the operator ${theirType}, in the base ${ourType} (${nodeName(node, index)})`)
    else compareTrees(node, theirs, here, report)
  })
}

function compareOpaque(base: Structure, other: Structure, report: Report): void {
  for (const path of new Set([...base.opaque.keys(), ...other.opaque.keys()])) {
    const [ours, theirs] = [base.opaque.get(path), other.opaque.get(path)]
    if (ours === theirs) continue
    const differs = isAttributeFloats(path)
      ? `is ${theirs ?? 'missing'}, in the base ${ours ?? 'missing'}`
      : 'differs from the base'
    report({ ...placeOf(other.tree, path), fields: [path] }, differs)
  }
}

/** The node or tensor that a path such as `graph.node[3].attribute[0].t` belongs to. */
export function placeOf(tree: Branch, path: string): { node?: string; tensor?: string } {
  if (path.startsWith(initializerPrefix)) return { tensor: path.slice(initializerPrefix.length, path.lastIndexOf(']')) }
  const index = /^graph\.node\[(\d+)\]/.exec(path)?.[1]
  const graph = tree.get('graph')
  const nodes = graph instanceof Map ? graph.get('node') : undefined
  const node = nodes && isList(nodes) && index ? nodes[Number(index)] : undefined
  return node === undefined ? {} : { node: nodeName(node, Number(index)) }
}

function enter(place: Place, key: string): Place {
  const list = place.fields.at(-1)
  if (list === 'initializer' || list === 'sparseInitializer') return { ...place, tensor: key, fields: [] }
  if (place.fields.length === 1 && place.fields[0] === 'graph') return { ...place, fields: [key] }
  return { ...place, fields: [...place.fields, key] }
}

/** A node's name, or its operator and position where it has none. */
function nodeName(node: Tree, index: number): string {
  return text(node, 'name') || `${text(node, 'opType')} #${index}`
}

function text(tree: Tree, key: string): string {
  const value = tree instanceof Map ? tree.get(key) : undefined
  return typeof value === 'string' ? value : ''
}

function equalTrees(a: Tree, b: Tree): boolean {
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equalTrees(value, b.get(key) ?? ''))
  }
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => equalTrees(item, b[index] ?? ''))
  return Object.is(a, b)
}

function show(tree: Tree | undefined): string {
  const plain =
    JSON.stringify(tree, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value)) ?? 'nothing'
  return plain.length > 120 ? `${plain.slice(0, 117)}...` : plain
}
