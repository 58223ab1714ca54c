import { IncomingMessage } from 'node:http'
import { refuseTinyChunks } from './broken-requests.ts'

/** Chunks of fewer bytes are gathered into one. The overhead of larger chunks is small. */
const smallBytes = 4 << 10
const gatheredBytes = 16 << 10

/** After `manyChunks` chunks, a body with fewer bytes per chunk on average is refused: to read such chunks takes too much time. */
const tinyBytes = 8
const manyChunks = 4096

/**
 * Returns the class of requests that gather small chunks of their body, so that the cost depends on bytes and not on chunks. Node bounds the
 * unread bytes of a body (64 KiB) but not its chunks. Unread chunks of one byte would take 20 MB, and each would wake the reader.
 */
export function gatheringMessage(publicPath: string): typeof IncomingMessage {
  return class GatheringMessage extends IncomingMessage {
    #gathered: Buffer | undefined
    #bytes = 0
    #releasing: NodeJS.Immediate | undefined
    #chunks = 0
    #bytesOfChunks = 0

    override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
      if (chunk !== null && this.#isTiny(chunk)) {
        refuseTinyChunks(this.socket, publicPath)
        return false
      }
      if (chunk !== null && chunk.byteLength < smallBytes) return this.#gather(chunk)
      this.#release()
      return super.push(chunk, encoding)
    }

    override _read(bytes: number): void {
      this.#release()
      super._read(bytes)
    }

    #isTiny({ byteLength }: Buffer): boolean {
      this.#chunks += 1
      this.#bytesOfChunks += byteLength
      return this.#chunks > manyChunks && this.#bytesOfChunks < tinyBytes * this.#chunks
    }

    /** Adds a small chunk to the gathered ones. @returns true if the stream may push more */
    #gather(chunk: Buffer): boolean {
      if (this.#bytes + chunk.byteLength > gatheredBytes) this.#release()
      if (!this.#gathered) this.#gathered = chunk
      else {
        if (this.#gathered.byteLength < gatheredBytes) {
          const first = this.#gathered
          this.#gathered = Buffer.allocUnsafeSlow(gatheredBytes)
          first.copy(this.#gathered)
        }
        chunk.copy(this.#gathered, this.#bytes)
      }
      this.#bytes += chunk.byteLength
      this.#releasing ??= setImmediate(() => this.#release())
      return this.readableLength + this.#bytes < this.readableHighWaterMark
    }

    #release(): void {
      clearImmediate(this.#releasing)
      this.#releasing = undefined
      const gathered = this.#gathered?.subarray(0, this.#bytes)
      this.#gathered = undefined
      this.#bytes = 0
      if (gathered && !this.destroyed) super.push(gathered)
    }
  }
}
