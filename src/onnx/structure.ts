import { createHash } from 'node:crypto'
import { dtypeName } from '../tensor/dtype.ts'
import { type ByteSource, readBytes } from './byte-source.ts'
import { isAttributeFloats, isMainInitializer, type Layout } from './layout.ts'
import { ModelProto } from './onnx-proto.ts'

/** A plain tree: scalars, lists, and objects whose keys are field names or, for named things, names. */
export type Tree = string | number | boolean | readonly Tree[] | Branch
export type Branch = ReadonlyMap<string, Tree>

/** Everything of a model that must agree before its weights may be averaged with another's, payloads of tensors apart. */
export type Structure = { tree: Branch; opaque: ReadonlyMap<string, string> }

const producerFields = new Set(['producerName', 'producerVersion'])

/**
 * The structure of a model. Left out: doc strings, metadata, producer, the order of initializers and how tensors are stored.
 * Fields that onnx-proto does not know, and long attribute values, take part by their sha256.
 */
export function structureOf(layout: Layout, model: ModelProto, source: ByteSource): Structure {
  const plain: unknown = ModelProto.toObject(model, { longs: String, bytes: String, json: true })
  const tree = branch(plain, key => !producerFields.has(key))
  const hashes = new Map<string, ReturnType<typeof createHash>>()
  const names = new Map(layout.tensors.filter(isMainInitializer).map(({ path, name }) => [path, name]))
  for (const { path: fullPath, span } of layout.opaque) {
    const path = byInitializerName(fullPath, names)
    const hash = hashes.get(path) ?? createHash('sha256')
    hashes.set(path, hash)
    for (let offset = span.start; offset < span.end; offset += 1 << 20) {
      hash.update(readBytes(source, offset, Math.min(1 << 20, span.end - offset)))
    }
  }
  const opaque = [...hashes].map(([path, hash]): [string, string] => [path, hash.digest('hex')])
  return { tree, opaque: new Map([...opaque, ...attributeFloats(layout)].sort(byKey)) }
}

/** Type and dims of tensors that are plain floats of an attribute: unlike other tensors they have no header in the model that would say. */
function attributeFloats({ tensors }: Layout): [string, string][] {
  return tensors
    .filter(({ path }) => isAttributeFloats(path))
    .map(({ path, dataType, dims }) => [path, tensorType({ dataType, dims })])
}

/** A path inside an initializer, with the initializer's name for its index: their order is no structure. */
function byInitializerName(path: string, names: ReadonlyMap<string, string>): string {
  const initializer = /^graph\.initializer\[\d+\]/.exec(path)?.[0]
  const name = initializer && names.get(initializer)
  return name === undefined || initializer === undefined
    ? path
    : `${initializerPrefix}${name}]${path.slice(initializer.length)}`
}

/** How the path of an opaque field of an initializer begins; its name and a closing bracket follow. */
export const initializerPrefix = 'graph.initializer['

/** A stable digest of a structure: models with the same one can be averaged, unless tensors that are never averaged differ. */
export function fingerprintOf({ tree, opaque }: Structure): string {
  const hash = createHash('sha256')
  feed(hash, tree)
  feed(hash, opaque)
  return `sha256:${hash.digest('hex')}`
}

function feed(hash: ReturnType<typeof createHash>, tree: Tree): void {
  if (tree instanceof Map) {
    hash.update('{')
    for (const [key, value] of tree) {
      hash.update(JSON.stringify(key))
      feed(hash, value)
    }
    hash.update('}')
  } else if (isList(tree)) {
    hash.update('[')
    for (const item of tree) feed(hash, item)
    hash.update(']')
  } else hash.update(`${typeof tree}:${Object.is(tree, -0) ? '-0' : JSON.stringify(tree)},`)
}

export function isList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree)
}

function branch(plain: unknown, keep: (key: string) => boolean = () => true): Branch {
  const entries = Object.entries(plain ?? {}).filter(([key]) => keep(key))
  return new Map(entries.map(([key, value]): [string, Tree] => [key, fieldTree(key, value)]).sort(byKey))
}

/** How a field enters the tree: tensors by type and shape, sets of named things by name, all else as it stands. */
function fieldTree(key: string, value: unknown): Tree {
  switch (key) {
    case 'initializer':
      return named(value, item => Object(item).name, tensorType)
    case 'sparseInitializer':
      return named(
        value,
        item => Object(Object(item).values).name,
        item => branch(item),
      )
    case 'valueInfo':
      return named(
        value,
        item => Object(item).name,
        item => branch(item),
      )
    case 'opsetImport':
      return named(
        value,
        item => Object(item).domain || 'ai.onnx',
        item => branch(item),
      )
    case 't':
    case 'values':
    case 'indices':
      return tensorTree(value)
    case 'tensors':
      return Array.isArray(value) ? value.map(tensorTree) : []
    default:
      return plainTree(value)
  }
}

function plainTree(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(plainTree)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return branch(value)
}

/** An element type and dims, such as float32[3, 4]; payload and storage are no structure. */
function tensorType(tensor: unknown): string {
  const { dataType = 0, dims = [] } = Object(tensor)
  return `${dtypeName(Number(dataType))}[${[dims].flat().join(', ')}]`
}

/** A tensor that is not found by its name: the name is then part of the structure. */
function tensorTree(tensor: unknown): Tree {
  return `${Object(tensor).name ?? ''} ${tensorType(tensor)}`.trim()
}

/** A list of things with names, as a map where the names are unique; in its order otherwise. */
function named(list: unknown, nameOf: (item: unknown) => unknown, itemTree: (item: unknown) => Tree): Tree {
  const items: unknown[] = Array.isArray(list) ? list : []
  const entries = items.map((item): [string, Tree] => [String(nameOf(item) || ''), itemTree(item)])
  const byName = new Map(entries.sort(byKey))
  return byName.size === items.length ? byName : items.map(plainTree)
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
