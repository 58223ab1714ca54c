import { createHash } from 'node:crypto'
import { type ByteSource, chunksOf, readBytes } from '../byte-source.ts'
import { rangeSource } from '../elements.ts'
import type { Layout, Span } from '../layout.ts'
import { decodeName } from '../names.ts'
import { readField, wireCursor } from '../wire.ts'

/** Longer texts are cut: nothing that the reader asks for is this long. */
const longestText = 1 << 20

/** The fields of a model that its skeleton lacks, by the path of their message and their name in it. */
export class OpaqueFields {
  #source: ByteSource
  #byOwner = new Map<string, Map<string, Span[]>>()
  #digests = new Map<string, [name: string, sha256: string][]>()

  constructor({ opaque }: Layout, source: ByteSource) {
    this.#source = source
    for (const { path, span } of opaque) {
      const dot = path.lastIndexOf('.', path.endsWith('...]') ? path.length - 5 : undefined)
      const [owner, name] = [path.slice(0, dot), path.slice(dot + 1)]
      const fields = this.#byOwner.get(owner) ?? new Map<string, Span[]>()
      this.#byOwner.set(owner, fields)
      const spans = fields.get(name)
      if (spans) spans.push(span)
      else fields.set(name, [span])
    }
  }

  /** True if the skeleton lacks nothing, as in nearly all models. */
  get isEmpty(): boolean {
    return this.#byOwner.size === 0
  }

  /** Returns the sha256 of each field of a message, including tags, by name. */
  of(owner: string): readonly [name: string, sha256: string][] {
    // Skips the look-up, which hashes the text of the path: each node has its own.
    if (this.isEmpty) return []
    const fields = this.#byOwner.get(owner)
    if (!fields) return []
    // Kept, because each call of a function asks for its fields again.
    const known = this.#digests.get(owner)
    if (known) return known
    const digests = [...fields].map(([name, spans]): [string, string] => [name, this.#digest(spans)])
    this.#digests.set(owner, digests)
    return digests
  }

  /** Returns the fields of a message that no schema knows. Their meaning is unknown, so they must agree. */
  unknownOf(owner: string): [name: string, sha256: string][] {
    return this.of(owner).filter(([name]) => name.startsWith('#'))
  }

  /** Returns the sha256 of all fields of a message as one text; empty if it has none. */
  digestOf(owner: string): string {
    return this.of(owner)
      .map(([name, sha256]) => `${name}=${sha256}`)
      .sort()
      .join(' ')
  }

  /** Returns the text of a field of a message; empty if there is none. */
  textOf(owner: string, name: string): string {
    if (this.isEmpty) return ''
    const span = this.#byOwner.get(owner)?.get(name)?.at(-1)
    if (!span) return ''
    const cursor = wireCursor(this.#source)
    cursor.offset = span.start
    const { payload, end } = readField(cursor, span.end)
    return decodeName(readBytes(this.#source, payload, Math.min(end - payload, longestText)))
  }

  #digest(spans: readonly Span[]): string {
    const hash = createHash('sha256')
    for (const { start, end } of spans)
      for (const { bytes } of chunksOf(rangeSource(this.#source, start, end - start))) hash.update(bytes)
    return hash.digest('hex')
  }
}
