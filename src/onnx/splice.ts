import type { Frame, Layout } from './layout.ts'
import { encodeVarint } from './wire.ts'

/**
 * Replaces the bytes [start, end) of a file by `parts`. `frame`: the index of the enclosing message; -1 at the top
 * level.
 */
export type Edit<Part extends { length: number }> = { start: number; end: number; frame: number; parts: Part[] }

export type CopyPart = { kind: 'copy'; from: number; length: number }
export type BytesPart = { kind: 'bytes'; bytes: Uint8Array<ArrayBuffer>; length: number }

/** Returns given bytes as a part. */
export function bytesPart(bytes: Uint8Array<ArrayBuffer>): BytesPart {
  return { kind: 'bytes', bytes, length: bytes.byteLength }
}

/**
 * Returns the edited file as an ordered list of parts. Bytes outside of the edits are copied, except the length
 * prefixes of messages that grew or shrank. A length prefix keeps its width if the new value fits. Edits must not
 * overlap.
 */
export function splice<Part extends { length: number }>(
  layout: Pick<Layout, 'byteLength' | 'frames'>,
  edits: readonly Edit<Part>[],
): (Part | CopyPart | BytesPart)[] {
  const all: Edit<Part | BytesPart>[] = [...edits, ...lengthEdits(layout.frames, edits)]
  all.sort((a, b) => a.start - b.start || a.end - b.end)
  const parts: (Part | CopyPart | BytesPart)[] = []
  let copied = 0
  const copyUntil = (offset: number) => {
    if (offset < copied) throw new RangeError(`edits overlap at ${offset}`)
    if (offset > copied) parts.push({ kind: 'copy', from: copied, length: offset - copied })
  }
  for (const edit of all) {
    copyUntil(edit.start)
    parts.push(...edit.parts)
    copied = edit.end
  }
  copyUntil(layout.byteLength)
  return parts
}

function lengthEdits(frames: readonly Frame[], edits: readonly Edit<{ length: number }>[]): Edit<BytesPart>[] {
  const growth = new Map<number, number>()
  const grow = (frame: number, by: number) => growth.set(frame, (growth.get(frame) ?? 0) + by)
  for (const { start, end, frame, parts } of edits) {
    const delta = parts.reduce((sum, part) => sum + part.length, 0) - (end - start)
    if (delta !== 0) grow(frame, delta)
  }
  const result: Edit<BytesPart>[] = []
  // A message is recorded after the message around it, so going backwards meets inner messages first.
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index]
    const delta = growth.get(index)
    if (!frame || !delta) continue
    const { parent, lengthStart, payload, end } = frame
    const prefix = bytesPart(encodeVarint(end - payload + delta, payload - lengthStart))
    grow(parent, delta + prefix.length - (payload - lengthStart))
    result.push({ start: lengthStart, end: payload, frame: parent, parts: [prefix] })
  }
  return result
}
