import { addFixedRun, requireWireType } from './fixed-runs.ts'
import type { FixedRun, TensorEntry } from './layout.ts'
import { type WireField, wireType } from './wire.ts'

const float32 = 1

/** A field of an attribute that holds floats: a single one, or a list. */
export type FloatsField = 'f' | 'floats'

/** The attributes of a Constant that hold its value as plain floats, and the field that each holds them in. */
export const constantFloats: ReadonlyMap<string, FloatsField> = new Map([
  ['value_float', 'f'],
  ['value_floats', 'floats'],
])

/** The plain floats of an attribute that are a tensor like others, although they are not stored as one. */
export class AttributeFloats {
  readonly field: FloatsField
  readonly #name: string
  #runs: FixedRun[] = []

  /** @param name the tensor's name; empty if the node that holds it gives it one */
  constructor(field: FloatsField, name: string) {
    this.field = field
    this.#name = name
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
