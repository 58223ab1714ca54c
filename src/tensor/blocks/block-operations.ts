import type { BlockArrays } from './block-arrays.ts'
import type { BlockChanges } from './block-changes.ts'
import type { BlockChoices } from './block-choices.ts'
import type { BlockConversions } from './block-conversions.ts'
import type { BlockRanks } from './block-ranks.ts'
import type { BlockSums } from './block-sums.ts'

/**
 * The inner loops of merge methods, over blocks of `count` elements in binary64, at most 4,096. All engines give the
 * same bits, at different speeds.
 *
 * "Owned" arrays must be those of {@link BlockArrays}.
 */
export type BlockOperations = BlockConversions & BlockSums & BlockChoices & BlockRanks & BlockChanges

/** The operations and the arrays that they use. All kernels of a thread share one engine, one kernel after the other. */
export type BlockEngine = BlockArrays & BlockOperations
