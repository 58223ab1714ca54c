import fc from 'fast-check'
import { expect, test } from 'vitest'
import { derivedWeights, indexed } from '../support/exports.ts'
import { type SmallTensor, smallCheckpoint, smallCorrespondence, smallModel } from '../support/small-exports.ts'

/** A way in which an exporter changes a tensor: its float type, then the order of its axes, then its dims. */
type Change = { isHalf: boolean; order: number[]; isFlat: boolean }

/** Returns a tensor after a change. Each element is found by its indices. */
function changed({ dims, values }: SmallTensor, { isHalf, order, isFlat }: Change): SmallTensor {
  const result = order.map(axis => dims[axis] ?? 1)
  const moved = values.map(() => 0)
  const index = dims.map(() => 0)
  for (const value of values) {
    const place = order.reduce((sum, axis, at) => sum * (result[at] ?? 1) + (index[axis] ?? 0), 0)
    moved[place] = isHalf ? Math.f16round(Math.fround(value)) : value
    for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
      index[axis] = ((index[axis] ?? 0) + 1) % (dims[axis] ?? 1)
      if (index[axis] !== 0) break
    }
  }
  return { dims: isFlat ? [values.length] : result, values: moved, dtype: isHalf ? 'float16' : 'float32' }
}

function unchanged({ dims }: SmallTensor): Change {
  return { isHalf: false, order: [...dims.keys()], isFlat: false }
}

const network = fc
  .array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 })
  .chain(shapes =>
    fc.record({
      shapes: fc.constant(shapes),
      changes: fc.tuple(
        ...shapes.map(dims =>
          fc.record({
            isHalf: fc.boolean(),
            order: fc.shuffledSubarray([...dims.keys()], { minLength: dims.length }),
            isFlat: fc.boolean(),
          }),
        ),
      ),
      seed: fc.integer(),
    }),
  )

/** Returns tensors of random values with 24 bits, all different. */
function randomTensors(shapes: readonly number[][], seed: number): SmallTensor[] {
  let state = seed | 0
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >> 8) / 2 ** 23
  }
  return shapes.map(dims => ({ dims, values: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, next) }))
}

test('an export that is cast, permuted, reshaped and renamed is found, and so is that of another checkpoint', () => {
  fc.assert(
    fc.property(network, ({ shapes, changes, seed }) => {
      const keyed = (tensors: readonly SmallTensor[]) =>
        Object.fromEntries(tensors.map((tensor, index) => [`layers.${index}.weight`, tensor]))
      const exported = (tensors: readonly SmallTensor[]) =>
        Object.fromEntries(
          tensors.map((tensor, index) => [`onnx::Mul_${index}`, changed(tensor, changes[index] ?? unchanged(tensor))]),
        )
      const nodes = Object.fromEntries(shapes.map((_, index) => [`onnx::Mul_${index}`, `/layers.${index}/Mul`]))
      const [first, second] = [randomTensors(shapes, seed), randomTensors(shapes, seed + 1)]
      const correspondence = smallCorrespondence(smallModel(exported(first), nodes), keyed(first))
      const derived = derivedWeights(correspondence, indexed(smallCheckpoint(keyed(second))))
      const truth = exported(second)
      const ambiguous = new Set(correspondence.ambiguous.flatMap(({ weights }) => weights))
      for (const { tensor } of correspondence.weights.filter(each => !ambiguous.has(each.tensor))) {
        const wanted = truth[tensor]
        const bytes =
          wanted?.dtype === 'float16' ? Float16Array.from(wanted.values) : Float32Array.from(wanted?.values ?? [])
        expect(derived[tensor]).toEqual({
          dtype: wanted?.dtype,
          dims: wanted?.dims,
          hex: Buffer.from(bytes.buffer).toString('hex'),
        })
      }
      // Only a tensor of one element can lack evidence: another one has no equal.
      const few = correspondence.unmatched.filter(({ dims }) => dims.some(dim => dim > 1))
      expect(few).toEqual([])
      // Few values of float16 may make a symmetric matrix.
      if (!changes.some(({ isHalf }) => isHalf)) expect(correspondence.ambiguous).toEqual([])
    }),
  )
})
