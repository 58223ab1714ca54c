import type { ByteSource } from './byte-source.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { limits } from './limits.ts'
import { encodeTag, encodeVarint, type WireField, wireType } from './wire.ts'

type Piece = { start: number; end: number } | Uint8Array<ArrayBuffer> | SkeletonPieces

/**
 * A message with parts of it left out, as ranges of the file it stands in and, where a length inside had to change, new bytes.
 * Costs nothing for messages that are kept whole, which nearly all are.
 */
export class SkeletonPieces {
  readonly #start: number
  #end: number
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
    this.#pushMessage(field.number, child)
  }

  /** Goes on with another part of the same message, which stands elsewhere in the file. */
  continueAt(start: number, end: number): void {
    this.#keepUntil(this.#end)
    this.#end = end
    this.#keptFrom = start
  }

  /** Puts a message that was left out where it stands at the end. */
  append(number: number, child: SkeletonPieces): void {
    this.#keepUntil(this.#end)
    this.#pushMessage(number, child)
  }

  /** The bytes that remain. @throws TureenError `TUREEN_MODEL_LIMIT` if they are too many to hold */
  read(source: ByteSource): Uint8Array<ArrayBuffer> {
    this.#keepUntil(this.#end)
    if (this.#piecesLength > limits.skeletonBytes) throw limitExceeded('skeletonBytes', 'bytes of structure')
    const bytes = new Uint8Array(this.#piecesLength)
    this.#readInto(bytes, source)
    return bytes
  }

  /** Messages are nested as deep as {@link limits.messageDepth} at most. */
  #readInto(bytes: Uint8Array, source: ByteSource): void {
    let at = 0
    for (const piece of this.#pieces) {
      const target = bytes.subarray(at, at + lengthOf(piece))
      if (piece instanceof Uint8Array) target.set(piece)
      else if (piece instanceof SkeletonPieces) piece.#readInto(target, source)
      else source.read(piece.start, target)
      at += target.byteLength
    }
  }

  #pushMessage(number: number, child: SkeletonPieces): void {
    this.#push(encodeTag(number, wireType.bytes))
    this.#push(encodeVarint(child.byteLength))
    child.#keepUntil(child.#end)
    // Not its pieces one by one: a message deep inside would be copied at every level.
    this.#push(child)
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
  return 'byteLength' in piece ? piece.byteLength : piece.end - piece.start
}
