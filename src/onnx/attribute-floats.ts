import { addFixedRun, requireWireType } from './fixed-runs.ts'
import type { FixedRun, TensorEntry } from './layout.ts'
import { type WireField, wireType } from './wire.ts'

const float32 = 1

/** A field of an attribute that holds floats: `f` for a single one, `floats` for a list. */
export type FloatsField = 'f' | 'floats'

/** The attributes of a Constant that hold its value as plain floats, with their field. */
export const constantFloats: ReadonlyMap<string, FloatsField> = new Map([
  ['value_float', 'f'],
  ['value_floats', 'floats'],
])

/** The plain floats of an attribute, collected as a tensor. */
export class AttributeFloats {
  readonly field: FloatsField
  readonly #name: string
  #runs: FixedRun[] = []

  /** @param name the tensor's name; empty if its node names it */
  constructor(field: FloatsField, name: string) {
    this.field = field
    this.#name = name
  }

  /** Adds a field of values from the file. Returns true if it begins a new run of payload. */
  add(field: WireField): boolean {
    if (this.field === 'floats') return addFixedRun(this.#runs, field, 4)
    // A single value may be written several times; the last one counts.
    requireWireType(field, wireType.fixed32)
    this.#runs = []
    return addFixedRun(this.#runs, field, 4)
  }

  finish(path: string): TensorEntry {
    const elements = this.#runs.reduce((sum, { count }) => sum + count, 0)
    return {
      name: this.#name,
      path: `${path}.${this.field}`,
      frame: -1,
      dataType: float32,
      dims: this.field === 'f' ? [] : [elements],
      elements,
      payload: { form: 'fixed', runs: this.#runs },
    }
  }
}
