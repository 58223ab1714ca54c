import type { ByteSource } from './byte-source.ts'
import type { Span } from './layout.ts'
import { type MessageKind, messages } from './messages.ts'
import { readField, wireCursor, wireType } from './wire.ts'

/** The number of the field that holds the element type, by message. */
const codeFields: Partial<Record<MessageKind, number>> = { Attribute: 3, Tensor: 2, TensorType: 1 }

/**
 * Finds the element types of some messages of a model: the spans of their varints, without the tags. Makes one pass
 * over the framing of the messages around them.
 *
 * @param paths of tensors, tensor types and attributes, as in a layout
 */
export function typeCodeSpans(source: ByteSource, paths: ReadonlySet<string>): Span[] {
  const around = new Set<string>()
  for (const path of paths) {
    for (let end = path.length; end > 0 && !around.has(path.slice(0, end)); end = path.lastIndexOf('.', end - 1))
      around.add(path.slice(0, end))
  }
  const cursor = wireCursor(source)
  const spans: Span[] = []
  // Counted by path, not by message: a message in several parts continues its counts.
  const occurrences = new Map<string, number>()
  const read = (kind: MessageKind, path: string, start: number, end: number) => {
    const isWanted = paths.has(path)
    cursor.offset = start
    while (cursor.offset < end) {
      const field = readField(cursor, end)
      if (isWanted && field.number === codeFields[kind] && field.type === wireType.varint)
        spans.push({ start: field.tagEnd, end: field.end })
      const [name, role] = messages[kind][field.number] ?? ['', 'undecoded']
      if (!isMessage(role) || field.type !== wireType.bytes) continue
      const inside = path === '' ? name : `${path}.${name}`
      const occurrence = occurrences.get(inside) ?? 0
      occurrences.set(inside, occurrence + 1)
      for (const [child, isKnown] of [
        [inside, around.has(inside)],
        [`${inside}[${occurrence}]`, around.has(`${inside}[${occurrence}]`)],
      ] as const) {
        if (isKnown) read(role, child, field.payload, field.end)
      }
      cursor.offset = field.end
    }
  }
  read('Model', '', 0, source.byteLength)
  return spans
}

function isMessage(role: string): role is MessageKind {
  return Object.hasOwn(messages, role)
}
