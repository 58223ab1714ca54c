import type { ByteSource } from './byte-source.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { limits } from './model-limits.ts'
import { varintLength, type WireField, wireType, writeVarint } from './wire.ts'

/** Bytes of the file, or a message whose length changed, with the number of its field. */
type Piece = { start: number; end: number } | { number: number; message: SkeletonPieces }

/**
 * A message with parts of it left out: ranges of its file, and nested messages whose length changed. Messages that are
 * kept whole, as nearly all are, cost nothing.
 */
export class SkeletonPieces {
  readonly #start: number
  #end: number
  /** Made when the first piece is added, because a file may have a million messages. */
  #pieces: Piece[] | undefined
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
    return this.#pieces === undefined && this.#keptFrom === this.#start
  }

  /** Leaves out the bytes [start, end). They must lie after all bytes left out or included before. */
  leaveOut(start: number, end: number): void {
    this.#keepUntil(start)
    this.#keptFrom = end
  }

  /** Adds the remaining parts of the message in `field`, with its length corrected. */
  include(child: SkeletonPieces, field: WireField): void {
    if (child.#whole) return
    this.leaveOut(field.start, field.end)
    this.#pushMessage(field.number, child)
  }

  /** Continues with another part of the same message, elsewhere in the file. */
  continueAt(start: number, end: number): void {
    this.#keepUntil(this.#end)
    this.#end = end
    this.#keptFrom = start
  }

  /** Adds a message at the end that was left out at its place. */
  append(number: number, child: SkeletonPieces): void {
    this.#keepUntil(this.#end)
    this.#pushMessage(number, child)
  }

  /**
   * Reads the remaining bytes.
   *
   * @throws TureenError `TUREEN_MODEL_LIMIT` if they are more than {@link limits.skeletonBytes}
   */
  read(source: ByteSource): Uint8Array<ArrayBuffer> {
    this.#keepUntil(this.#end)
    if (this.#piecesLength > limits.skeletonBytes) throw limitExceeded('skeletonBytes', 'bytes of structure')
    const bytes = new Uint8Array(this.#piecesLength)
    this.#readInto(bytes, source)
    return bytes
  }

  /** Recursion is safe: messages are nested at most {@link limits.messageDepth} deep. */
  #readInto(bytes: Uint8Array, source: ByteSource): void {
    let at = 0
    for (const piece of this.#pieces ?? []) {
      if ('message' in piece) {
        at = writeVarint(tagOf(piece.number), bytes, at)
        at = writeVarint(piece.message.byteLength, bytes, at)
      }
      const length = 'message' in piece ? piece.message.byteLength : piece.end - piece.start
      const target = bytes.subarray(at, at + length)
      if ('message' in piece) piece.message.#readInto(target, source)
      else source.read(piece.start, target)
      at += length
    }
  }

  #pushMessage(number: number, child: SkeletonPieces): void {
    child.#keepUntil(child.#end)
    const { byteLength } = child
    // The child stays one piece: its pieces would be copied again at every level around it.
    this.#push({ number, message: child }, varintLength(tagOf(number)) + varintLength(byteLength) + byteLength)
  }

  #keepUntil(offset: number): void {
    if (offset > this.#keptFrom) this.#push({ start: this.#keptFrom, end: offset }, offset - this.#keptFrom)
    this.#keptFrom = offset
  }

  #push(piece: Piece, length: number): void {
    this.#pieces ??= []
    this.#pieces.push(piece)
    this.#piecesLength += length
  }
}

/** Returns the tag of a message in a field. */
function tagOf(number: number): number {
  return number * 8 + wireType.bytes
}
