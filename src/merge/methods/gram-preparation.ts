import { blockEngine } from '../../tensor/block-engine.ts'
import { type Gram, GramSums } from '../../tensor/gram.ts'
import type { ElementReader } from '../element-reader.ts'
import { copyOf } from '../operation.ts'
import type { Preparation, TensorTask } from './method.ts'

/**
 * Prepares a tensor by the dot products of its models' vectors, or of their differences from a base. A tensor that is
 * the same in every source is copied, unless the method moves such tensors.
 */
export function prepareByGram(
  { reader, settings: { hasBase, weights } }: TensorTask<unknown>,
  movesIdentical: boolean,
  use: (gram: Gram) => Preparation,
): Preparation {
  const { gram, identical } = gramOf(reader, weights.length, hasBase)
  const prepared = use(gram)
  return identical && !movesIdentical ? { ...prepared, step: copyOf(0) } : prepared
}

function gramOf(reader: ElementReader, models: number, hasBase: boolean): { gram: Gram; identical: boolean } {
  const sums = new GramSums(models)
  const identical = reader.scan((values, _first, count) => {
    const base = hasBase ? values[models] : undefined
    if (base) for (const x of values.slice(0, models)) blockEngine().subtract(x, base, count)
    sums.add(values, count)
  })
  return { gram: sums.gram(), identical }
}
