/*
 * Frames on the pipes between the server and an evaluator. A frame is the number of bytes of its payload (u32, little endian), a byte with
 * its kind, and the payload. A message that may be longer than a frame is a counted sequence: a frame whose payload is the number of parts
 * (u32, little endian), then one frame for each part. The server writes `task` messages. The evaluator writes `taken` for each. Then it
 * writes any number of `progress` frames, and at most as many `partial` frames as the task asks for. It ends with one `result` message or
 * one `problem` frame.
 */

/** Most bytes of the payload of one frame. */
export const mostFrameBytes = 1 << 20

/** Bytes in front of the payload. */
export const headBytes = 5

/**
 * `ready`: the evaluator takes tasks. `taken`: it has read a task; if it ends from now on, the model is to blame. `partial`: one of the
 * answers of a task that has many.
 */
export const frameKinds = {
  ready: 1,
  taken: 2,
  progress: 3,
  partial: 4,
  result: 5,
  part: 6,
  problem: 7,
  task: 8,
} as const

export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds]

/** A frame as it was read: its kind may be unknown. */
export type ReadFrame = { kind: number; payload: Buffer }

/** The reason why bytes are no frames, or frames are no answer. `message` completes "it ...". */
export class Misfit extends Error {}

/** Returns the bytes in front of a payload. */
export function frameHead(kind: FrameKind, payloadBytes: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes)
  head.writeUInt32LE(payloadBytes)
  head.writeUInt8(kind, 4)
  return head
}

/** Yields the buffers of a message, in order: heads and payloads. Payloads are parts of `body`, which is not copied. */
export function* messageBuffers(kind: FrameKind, body: Uint8Array): Generator<Uint8Array> {
  const parts = Math.ceil(body.byteLength / mostFrameBytes)
  const count = Buffer.allocUnsafe(4)
  count.writeUInt32LE(parts)
  yield frameHead(kind, count.byteLength)
  yield count
  for (let part = 0; part < parts; part += 1) {
    const payload = body.subarray(part * mostFrameBytes, (part + 1) * mostFrameBytes)
    yield frameHead(frameKinds.part, payload.byteLength)
    yield payload
  }
}

/** Returns the number of parts that the first frame of a message announces. @throws Misfit if it announces none or too many */
export function partsOf({ payload }: ReadFrame, mostBytes: number): number {
  const parts = payload.byteLength === 4 ? payload.readUInt32LE() : 0
  if (parts === 0 || parts > Math.ceil(mostBytes / mostFrameBytes))
    throw new Misfit(`announced an answer of ${parts} frames, which is none of at most ${mostBytes} bytes`)
  return parts
}

/** Decodes frames from chunks of any size. It holds at most one frame, and copies only frames that several chunks share. */
export class FrameDecoder {
  readonly #head = Buffer.allocUnsafe(headBytes)
  #headFilled = 0
  #payload: Buffer | undefined
  #payloadFilled = 0

  /** True if no frame has begun that has not ended. */
  get isBetweenFrames(): boolean {
    return this.#headFilled === 0
  }

  /** Yields the frames that end in a chunk. @throws Misfit if a frame is too long */
  *decode(chunk: Buffer): Generator<ReadFrame> {
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#headFilled < headBytes) {
        const copied = chunk.copy(this.#head, this.#headFilled, at)
        this.#headFilled += copied
        at += copied
        if (this.#headFilled < headBytes) return
      }
      const length = this.#head.readUInt32LE()
      if (length > mostFrameBytes)
        throw new Misfit(`wrote a frame of ${length} bytes, which may have ${mostFrameBytes} at most`)
      let payload: Buffer
      if (this.#payload === undefined && chunk.byteLength - at >= length) {
        payload = chunk.subarray(at, at + length)
        at += length
      } else {
        payload = this.#payload ??= Buffer.allocUnsafe(length)
        const copied = chunk.copy(payload, this.#payloadFilled, at)
        this.#payloadFilled += copied
        at += copied
        if (this.#payloadFilled < length) return
      }
      this.#headFilled = 0
      this.#payload = undefined
      this.#payloadFilled = 0
      yield { kind: this.#head.readUInt8(4), payload }
    }
  }
}
