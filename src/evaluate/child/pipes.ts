import { readSync, writeSync } from 'node:fs'
import { deserialize } from 'node:v8'
import { type FrameKind, frameHead, frameKinds, headBytes, messageBuffers } from '../exchange/frames.ts'
import type { TaskMessage } from '../protocol.ts'

/*
 * The evaluator's end of its pipes. It loads no streams, which would take a part of its start. Written bytes have left the process when a
 * call returns, so a crash afterwards cannot lose them.
 */

const requests = 0
const answers = 3

/** Reads the next task. @returns undefined if the server has gone */
export function readTask(): TaskMessage | undefined {
  const head = readExactly(headBytes + 4)
  if (!head) return undefined
  const parts: Buffer[] = []
  for (let left = head.readUInt32LE(headBytes); left > 0; left -= 1) {
    const length = readExactly(headBytes)?.readUInt32LE()
    const part = length === undefined ? undefined : readExactly(length)
    if (!part) return undefined
    parts.push(part)
  }
  return deserialize(Buffer.concat(parts))
}

/** Writes a frame. @param payload at most as long as a frame may be */
export function writeFrame(kind: FrameKind, payload: Uint8Array): void {
  writeAll(frameHead(kind, payload.byteLength))
  writeAll(payload)
}

/** Writes a result: its JSON, and the bytes behind it. */
export function writeResult(json: string, bulk: readonly Uint8Array[]): void {
  const text = Buffer.from(json)
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(text.byteLength)
  for (const buffer of messageBuffers(frameKinds.result, Buffer.concat([length, text, ...bulk]))) writeAll(buffer)
}

function readExactly(bytes: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(bytes)
  for (let read = 0; read < bytes; ) {
    const more = readSync(requests, buffer, read, bytes - read, null)
    if (more === 0) return undefined
    read += more
  }
  return buffer
}

function writeAll(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength; )
    written += writeSync(answers, bytes, written, bytes.byteLength - written, null)
}
