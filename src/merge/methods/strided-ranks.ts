import { blockEngine } from '../../tensor/block-engine.ts'
import type { ElementReader } from '../element-reader.ts'

/** Memory in bytes for the ranks of all models of one kernel. */
const rankBytes = 128 << 20
/** Elements of rows that are gathered and ranked at a time, and elements of each source that are read at a time. */
const gatheredElements = 1 << 22
const readElements = 1 << 14

/**
 * The ranks of elements by size in their rows, for rows that are not contiguous. Ranks are kept for a window of
 * elements, as many as the memory holds. Each window reads and ranks all rows that it touches.
 */
export class StridedRanks {
  /** The window: its first element, the one after its last, and the rank of each. */
  first = 0
  end = 0
  ranks: Uint16Array | Uint32Array = new Uint16Array(0)
  #reader: ElementReader
  #model: number
  #base: number
  /** The number of outer indices of rows that a window covers. */
  #outerAtOnce: number

  /** @param model index of a model among the sources; the `models` models come before the base */
  constructor(reader: ElementReader, model: number, models: number, memory = rankBytes) {
    this.#reader = reader
    this.#model = model
    this.#base = models
    const { outer, units, inner } = reader.rows
    const bytes = outer * inner > 1 << 16 ? 4 : 2
    this.#outerAtOnce = Math.min(outer, Math.max(1, Math.floor(memory / models / bytes / (units * inner))))
  }

  /** Moves the window so that it contains an element. */
  moveTo(element: number): void {
    if (element >= this.first && element < this.end) return
    const { outer, units, inner } = this.#reader.rows
    const stride = units * inner
    const slab = Math.floor(element / (outer * stride))
    const index = Math.floor(element / stride) - slab * outer
    const from = index - (index % this.#outerAtOnce)
    const until = Math.min(outer, from + this.#outerAtOnce)
    const count = this.#outerAtOnce * stride
    if (this.ranks.length === 0) this.ranks = outer * inner > 1 << 16 ? new Uint32Array(count) : new Uint16Array(count)
    const atOnce = Math.min(units, Math.max(1, Math.floor(gatheredElements / (outer * inner))))
    for (let unit = 0; unit < units; unit += atOnce) {
      const some = Math.min(atOnce, units - unit)
      this.#takeRanks(this.#rankedRows(slab, unit, some), unit, some, from, until)
    }
    this.first = (slab * outer + from) * stride
    this.end = (slab * outer + until) * stride
  }

  /**
   * Returns the rows of some units, contiguous: 1 for the largest change of each row, 0 for the smallest, in even
   * steps.
   */
  #rankedRows(slab: number, unit: number, some: number): Float64Array {
    const { outer, units, inner } = this.#reader.rows
    const length = outer * inner
    const gathered = new Float64Array(some * length)
    const run = some * inner
    const piece = Math.min(run, readElements)
    const runsAtOnce = some === units ? Math.max(1, Math.floor(readElements / run)) : 1
    const [own, base] = [new Float64Array(runsAtOnce * piece), new Float64Array(runsAtOnce * piece)]
    for (let i = 0; i < outer; i += runsAtOnce) {
      for (let at = 0; at < run; at += piece) {
        const count = Math.min(outer - i, runsAtOnce) * Math.min(run - at, piece)
        const into: Float64Array[] = []
        into[this.#model] = own.subarray(0, count)
        into[this.#base] = base.subarray(0, count)
        this.#reader.read(((slab * outer + i) * units + unit) * inner + at, into)
        scatter(own, base, count, gathered, { length, inner, run, from: i * inner, at })
      }
    }
    const nothing = new Float64Array(length)
    for (let row = 0; row < some; row += 1) {
      const values = gathered.subarray(row * length, (row + 1) * length)
      blockEngine().rankRows(values, nothing, 0, 1, length, { largest: 1, span: 1 }, values)
    }
    return gathered
  }

  #takeRanks(rows: Float64Array, unit: number, some: number, from: number, until: number): void {
    const { outer, units, inner } = this.#reader.rows
    const length = outer * inner
    for (let i = from; i < until; i += 1) {
      for (let row = 0; row < some; row += 1) {
        const source = row * length + i * inner
        const target = ((i - from) * units + unit + row) * inner
        for (let k = 0; k < inner; k += 1)
          this.ranks[target + k] = Math.round((1 - (rows[source + k] ?? 0)) * (length - 1))
      }
    }
  }
}

/**
 * The places of contiguous changes. Rows of `length` elements get `inner` elements of each run of `run`, starting at
 * element `from` of the row. `at`: the first change's index in its run.
 */
type Places = { length: number; inner: number; run: number; from: number; at: number }

/** Puts contiguous changes of a base into their rows. */
function scatter(
  own: Float64Array,
  base: Float64Array,
  count: number,
  rows: Float64Array,
  { length, inner, run, from, at }: Places,
): void {
  let row = Math.floor(at / inner)
  let k = at - row * inner
  let start = from
  for (let j = 0; j < count; j += 1) {
    rows[row * length + start + k] = (own[j] ?? 0) - (base[j] ?? 0)
    k += 1
    if (k < inner) continue
    k = 0
    row += 1
    if (row * inner < run) continue
    row = 0
    start += inner
  }
}
