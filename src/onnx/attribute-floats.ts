import { readBytes } from './byte-source.ts'
import { addFixedRun, requireWireType } from './fixed-runs.ts'
import type { FixedRun, TensorEntry } from './layout.ts'
import { readField, type WireCursor, type WireField, wireType } from './wire.ts'

const float32 = 1
const nameField = 1

/** The attributes of a Constant that hold its value as plain floats, and the field that each holds them in. */
const holders: ReadonlyMap<string, 'f' | 'floats'> = new Map([
  ['value_float', 'f'],
  ['value_floats', 'floats'],
])
const longestName = Math.max(...[...holders.keys()].map(name => name.length))

/** The floats of a Constant's `value_float` or `value_floats`, which are a tensor like others although they are not stored as one. */
export class AttributeFloats {
  readonly field: 'f' | 'floats'
  #runs: FixedRun[] = []

  constructor(field: 'f' | 'floats') {
    this.field = field
  }

  /** Takes a field of values as it stands in the file. @returns whether it begins a new stretch of payload */
  add(field: WireField): boolean {
    if (this.field === 'floats') return addFixedRun(this.#runs, field, 4)
    // Of a single value that is written again, the last holds.
    requireWireType(field, wireType.fixed32)
    this.#runs = []
    return addFixedRun(this.#runs, field, 4)
  }

  finish(path: string): TensorEntry {
    const elements = this.#runs.reduce((sum, { count }) => sum + count, 0)
    return {
      name: '',
      path: `${path}.${this.field}`,
      frame: -1,
      dataType: float32,
      dims: this.field === 'f' ? [] : [elements],
      elements,
      payload: { form: 'fixed', runs: this.#runs },
    }
  }
}

/** Which field of the attribute in [start, end) holds floats that are a Constant's value, by the attribute's name, which may stand behind them. */
export function floatsFieldOf(cursor: WireCursor, start: number, end: number): 'f' | 'floats' | undefined {
  let holder: 'f' | 'floats' | undefined
  cursor.offset = start
  while (cursor.offset < end) {
    const field = readField(cursor, end)
    if (field.number === nameField) holder = holders.get(shortText(cursor, field))
  }
  return holder
}

/** The names of a Constant's output, for the node in [start, end); undefined if it is another operator. */
export function constantOutput(cursor: WireCursor, start: number, end: number): string | undefined {
  let output: WireField | undefined
  let isConstant = false
  cursor.offset = start
  while (cursor.offset < end) {
    const field = readField(cursor, end)
    if (field.number === 2) output ??= field
    else if (field.number === 4) isConstant = shortText(cursor, field) === 'Constant'
  }
  if (!isConstant || !output || output.type !== wireType.bytes) return undefined
  return new TextDecoder().decode(readBytes(cursor.source, output.payload, output.end - output.payload))
}

function shortText({ source }: WireCursor, { type, payload, end }: WireField): string {
  if (type !== wireType.bytes || end - payload > longestName) return ''
  return new TextDecoder().decode(readBytes(source, payload, end - payload))
}
