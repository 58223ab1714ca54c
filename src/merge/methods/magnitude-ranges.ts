import type { Cut } from '../../tensor/cut.ts'
import { findCuts } from '../../tensor/order-cuts.ts'
import { blockEngine } from '../../tensor/simd-block-engine.ts'
import type { KeptRange } from '../../tensor/sparsify.ts'
import type { ElementReader } from '../element-reader.ts'
import { sampleOf } from './order-sample.ts'

/** Models whose orders are looked at in one pass; each takes some memory. */
const modelsAtOnce = 16

/**
 * Which range each model keeps of the order by magnitude of its differences from the base, over some tensors as if they were one.
 * @param readers of the tensors, the base being the source behind the models
 * @param from the first place that is kept, @param kept how many are, at most so many as there are elements
 */
export function magnitudeRanges(
  readers: readonly ElementReader[],
  models: number,
  from: number,
  kept: number,
): KeptRange[] {
  const elements = readers.reduce((sum, reader) => sum + reader.elements, 0)
  if (kept === 0) return Array.from({ length: models }, () => 'none')
  if (kept === elements) return Array.from({ length: models }, () => 'all')
  const ranks = from > 0 ? [from - 1, from + kept - 1] : [kept - 1]
  const cuts: Cut[][] = []
  for (let model = 0; model < models; model += modelsAtOnce) {
    const group = Array.from({ length: Math.min(modelsAtOnce, models - model) }, (_, index) => model + index)
    cuts.push(...cutsOf(readers, models, group, ranks))
  }
  return cuts.map(found => {
    const [behind, upTo] = from > 0 ? found : [null, ...found]
    if (behind === undefined || !upTo) throw new RangeError('a cut is missing')
    return { behind, upTo }
  })
}

function cutsOf(
  readers: readonly ElementReader[],
  base: number,
  models: readonly number[],
  ranks: readonly number[],
): Cut[][] {
  const engine = blockEngine()
  const elements = readers.reduce((sum, reader) => sum + reader.elements, 0)
  const sampled = sampleOf(readers, values => {
    const b = values[base]
    return models.map(model => distances(values[model], b))
  })
  return findCuts(
    models.map(() => ranks),
    models.map((_, index) => ({ keys: sampled[index] ?? new Float64Array(0), elements })),
    visit => {
      let before = 0
      for (const reader of readers) {
        reader.scan((values, first, count) => {
          const b = values[base]
          const magnitudes = models.map(model => {
            const x = values[model]
            if (!x || !b) throw new RangeError('a source is missing')
            engine.distance(x, b, count)
            return x
          })
          visit(magnitudes, before + first, count)
        })
        before += reader.elements
      }
    },
  )
}

function distances(x: Float64Array | undefined, b: Float64Array | undefined): Float64Array {
  if (!x || !b) throw new RangeError('a source is missing')
  return x.map((each, j) => Math.abs(each - (b[j] ?? 0)))
}
