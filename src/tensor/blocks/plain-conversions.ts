import type { FloatFormat } from '../float-format.ts'
import { copyIdentical } from '../weighted-sum.ts'
import { type BlockArrays, blockRoom } from './block-arrays.ts'
import type { BlockConversions, Finished } from './block-conversions.ts'

/** Returns the conversions in plain loops. */
export function plainConversions({ source, output }: BlockArrays): BlockConversions {
  const stored: Uint8Array[] = []
  const finish = plainFinish(output)
  return {
    decode(format, elements, index, count) {
      const values = source(index)
      format.begin(values, elements, count, 1)
      stored[index] = elements
      return values
    },
    finish: (format, compared, count, target) => finish(format, stored.slice(0, compared), count, target),
  }
}

/**
 * Returns a function that rounds `values` in plain loops; see {@link BlockConversions.finish}. Its `inputs` are the
 * stored elements of the sources to compare.
 */
export function plainFinish(
  values: Float64Array,
): (format: FloatFormat, inputs: readonly Uint8Array[], count: number, target: Uint8Array) => Finished {
  const shared = new Uint32Array(blockRoom)
  return (format, inputs, count, target) => {
    format.round(values, count, target)
    const identical = inputs.length > 0 ? copyIdentical(format.bytes, inputs, count, target, shared) : 0
    return { identical, nonFinite: format.countNonFinite(target, count) }
  }
}
