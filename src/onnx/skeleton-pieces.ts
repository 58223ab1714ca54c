import type { ByteSource } from './byte-source.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { limits } from './limits.ts'
import { encodeTag, encodeVarint, type WireField, wireType } from './wire.ts'

type Piece = { start: number; end: number } | Uint8Array<ArrayBuffer>

/**
 * A message with parts of it left out, as ranges of the file it stands in and, where a length inside had to change, new bytes.
 * Costs nothing for messages that are kept whole, which nearly all are.
 */
export class SkeletonPieces {
  readonly #start: number
  readonly #end: number
  readonly #pieces: Piece[] = []
  #keptFrom: number
  #piecesLength = 0

  constructor(start: number, end: number) {
    this.#start = start
    this.#end = end
    this.#keptFrom = start
  }

  get byteLength(): number {
    return this.#piecesLength + this.#end - this.#keptFrom
  }

  get #whole(): boolean {
    return this.#pieces.length === 0 && this.#keptFrom === this.#start
  }

  /** Leaves out the bytes [start, end), which follow all that was left out or included before. */
  leaveOut(start: number, end: number): void {
    this.#keepUntil(start)
    this.#keptFrom = end
  }

  /** Takes over what remains of the message in `field`, its length corrected. */
  include(child: SkeletonPieces, field: WireField): void {
    if (child.#whole) return
    this.leaveOut(field.start, field.end)
    this.#push(encodeTag(field.number, wireType.bytes))
    this.#push(encodeVarint(child.byteLength))
    child.#keepUntil(child.#end)
    for (const piece of child.#pieces) this.#push(piece)
  }

  /** The bytes that remain. @throws TureenError `TUREEN_MODEL_LIMIT` if they are too many to hold */
  read(source: ByteSource): Uint8Array<ArrayBuffer> {
    this.#keepUntil(this.#end)
    if (this.#piecesLength > limits.skeletonBytes) throw limitExceeded('skeletonBytes', 'bytes of structure')
    const bytes = new Uint8Array(this.#piecesLength)
    let at = 0
    for (const piece of this.#pieces) {
      const length = lengthOf(piece)
      if (piece instanceof Uint8Array) bytes.set(piece, at)
      else source.read(piece.start, bytes.subarray(at, at + length))
      at += length
    }
    return bytes
  }

  #keepUntil(offset: number): void {
    if (offset > this.#keptFrom) this.#push({ start: this.#keptFrom, end: offset })
    this.#keptFrom = offset
  }

  #push(piece: Piece): void {
    this.#pieces.push(piece)
    this.#piecesLength += lengthOf(piece)
  }
}

function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.byteLength : piece.end - piece.start
}
