import { blockArrays, blockRoom } from './block-arrays.ts'
import type { BlockEngine } from './block-operations.ts'
import { plainChanges } from './plain-changes.ts'
import { plainChoices } from './plain-choices.ts'
import { plainConversions } from './plain-conversions.ts'
import { plainRanks } from './plain-ranks.ts'
import { plainSums } from './plain-sums.ts'

/** Returns the readable reference: plain loops over typed arrays. Every array counts as owned. */
export function plainBlockEngine(): BlockEngine {
  const floats = () => new Float64Array(blockRoom)
  const arrays = blockArrays({ floats, integers: (_, words) => new Int32Array(words), source: floats })
  return {
    ...arrays,
    ...plainConversions(arrays),
    ...plainSums(arrays),
    ...plainChoices(arrays),
    ...plainRanks(arrays),
    ...plainChanges(arrays),
  }
}
