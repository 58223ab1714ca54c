import { blockEngine } from '../../tensor/block-engine.ts'
import type { Cut } from '../../tensor/cut.ts'
import { findCuts } from '../../tensor/order-cuts.ts'
import type { KeptRange } from '../../tensor/sparsify.ts'
import type { ElementReader } from '../element-reader.ts'
import { sampleOf } from './order-sample.ts'

/** The number of models whose orders are searched in one pass; each takes memory. */
const modelsAtOnce = 16

/** `from`: the first rank that is kept. `kept`: the number of ranks from there on, at most as many as are left. */
export type KeptPlaces = { from: number; kept: number }

/**
 * Returns the range that each model keeps of the order by magnitude of its differences from the base, over some tensors
 * as one vector.
 * @param readers of the tensors; the base is the source after the models
 * @param wanted the ranks to keep, one for each model
 */
export function magnitudeRanges(readers: readonly ElementReader[], wanted: readonly KeptPlaces[]): KeptRange[] {
  const elements = readers.reduce((sum, reader) => sum + reader.elements, 0)
  const ranges = wanted.map(({ kept }): KeptRange => (kept === 0 ? 'none' : 'all'))
  const sought = wanted.flatMap(({ from, kept }, model) =>
    kept === 0 || kept === elements ? [] : [{ model, ranks: from > 0 ? [from - 1, from + kept - 1] : [kept - 1] }],
  )
  for (let done = 0; done < sought.length; done += modelsAtOnce) {
    const group = sought.slice(done, done + modelsAtOnce)
    for (const [index, found] of cutsOf(readers, wanted.length, group).entries()) {
      const [behind, upTo] = found.length > 1 ? found : [null, ...found]
      const model = group[index]?.model
      if (behind === undefined || !upTo || model === undefined) throw new RangeError('a cut is missing')
      ranges[model] = { behind, upTo }
    }
  }
  return ranges
}

function cutsOf(
  readers: readonly ElementReader[],
  base: number,
  sought: readonly { model: number; ranks: readonly number[] }[],
): Cut[][] {
  const engine = blockEngine()
  const models = sought.map(({ model }) => model)
  const elements = readers.reduce((sum, reader) => sum + reader.elements, 0)
  const sampled = sampleOf(readers, values => {
    const b = values[base]
    return models.map(model => distances(values[model], b))
  })
  return findCuts(
    sought.map(({ ranks }) => ranks),
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
