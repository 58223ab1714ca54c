import type { ByteSource } from '../byte-source.ts'
import type { Frame } from '../layout.ts'
import { encodeName } from '../names.ts'
import { NodeProto, ValueInfoProto } from '../onnx-proto.ts'
import { type BytesPart, bytesPart, type Edit, splice } from '../splice.ts'
import { encodeTag, encodeVarint, readField, wireCursor, wireType } from '../wire.ts'

/**
 * A model with inner values as its outputs: the indices of the nodes that its main graph keeps, and the names of the
 * values.
 */
export type GraphCut = { nodes: ReadonlySet<number>; values: readonly string[] }

const graphField = 7
const graphFields = { node: 1, output: 12 } as const
const nodeInputField = 1

/** Prefix of the outputs of a cut model. No exporter writes such names. */
const outputPrefix = 'tureen.cut.'

/** Returns the cut model's name for the value with this index in {@link GraphCut.values}. */
export function cutOutput(index: number): string {
  return `${outputPrefix}${index}`
}

/**
 * Returns the bytes of a model with its main graph cut. Each value passes through an Identity, because an input of the
 * graph cannot also be an output of the same name. Everything else is copied.
 */
export function cutGraph(source: ByteSource, { nodes, values }: GraphCut): Uint8Array<ArrayBuffer> {
  const cursor = wireCursor(source)
  const frames: Frame[] = []
  const edits: Edit<BytesPart>[] = []
  let node = 0
  while (cursor.offset < source.byteLength) {
    const graph = readField(cursor, source.byteLength)
    if (graph.number !== graphField || graph.type !== wireType.bytes) continue
    const frame = frames.push({ parent: -1, lengthStart: graph.tagEnd, payload: graph.payload, end: graph.end }) - 1
    cursor.offset = graph.payload
    while (cursor.offset < graph.end) {
      const { number, start, end } = readField(cursor, graph.end)
      const isNode = number === graphFields.node
      if (number === graphFields.output || (isNode && !nodes.has(node))) edits.push({ start, end, frame, parts: [] })
      if (isNode) node += 1
    }
  }
  const last = frames.at(-1)
  if (!last) throw new RangeError('a model without a graph')
  edits.push({ start: last.end, end: last.end, frame: frames.length - 1, parts: values.flatMap(exposed) })
  const parts = splice({ byteLength: source.byteLength, frames }, edits)
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    const target = bytes.subarray(at, at + part.length)
    if (part.kind === 'copy') source.read(part.from, target)
    else target.set(part.bytes)
    at += part.length
  }
  return bytes
}

function exposed(value: string, index: number): BytesPart[] {
  const name = cutOutput(index)
  const node = NodeProto.encode({ opType: 'Identity', name, output: [name] }).finish()
  // Written without NodeProto, which would change the bytes of a name that is not UTF-8.
  const input = message(nodeInputField, encodeName(value))
  const output = ValueInfoProto.encode({ name }).finish()
  return [...message(graphFields.node, node, input), ...message(graphFields.output, output)]
}

/** A field that is a message of these bytes, and of `parts` behind them. */
function message(field: number, bytes: Uint8Array, parts: readonly BytesPart[] = []): BytesPart[] {
  const length = parts.reduce((sum, part) => sum + part.length, bytes.byteLength)
  return [
    bytesPart(encodeTag(field, wireType.bytes)),
    bytesPart(encodeVarint(length)),
    bytesPart(Uint8Array.from(bytes)),
    ...parts,
  ]
}
