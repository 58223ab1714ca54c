import { TureenError } from '../errors.ts'
import { firstOf } from '../first-of.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { type BlockPositions, blockPositions } from './block-positions.ts'
import { gradientKinds, type Position, startPosition } from './gradient.ts'
import { networkOf } from './match-inputs.ts'
import type { MatchedInput } from './matched-input.ts'
import type { MergeSettings } from './merge-input.ts'
import { filesOf, type MergeInputs } from './merge-inputs.ts'
import { sameElements } from './same-elements.ts'
import { tensorPositions } from './tensor-positions.ts'

/** The largest number of tensors that an error names. */
const namedTensors = 10

/** The positions of the tensors of a merge, as far as its settings depend on them. */
export type PlanPositions = {
  of(tensor: TensorEntry): Position
  /**
   * Records that the operation depends on the tensor's block. `keepsIdentical`: true to ignore a tensor that is the
   * same in every model.
   */
  require(tensor: TensorEntry, keepsIdentical: boolean): void
  /**
   * Checks that all required blocks are known.
   * @throws TureenError `TUREEN_BLOCKS_UNKNOWN` naming the tensors whose block is unknown
   */
  requireAll(): void
}

/**
 * Returns the positions of tensors.
 * @throws TureenError `TUREEN_BLOCKS_UNKNOWN` if the settings need blocks and the network has none, or another number
 */
export function planPositions(
  inputs: MergeInputs<MatchedInput>,
  { parameters, rules, blocks: expected }: MergeSettings,
  isWeight: (tensor: TensorEntry) => boolean,
): PlanPositions {
  const { base } = inputs
  const files = filesOf(inputs)
  const kinds = gradientKinds([
    ...inputs.models.map(({ weight }) => weight),
    ...Object.values(parameters),
    ...rules.flatMap(rule => [...(rule.weights ?? []), ...Object.values(rule.parameters ?? {})]),
  ])
  if (kinds.has('graph') && base.layout.checkpoint) throw withoutGraph(base.label)
  const graph = kinds.has('graph') ? tensorPositions(networkOf(base), isWeight) : new Map<string, number>()
  const namesOf = (tensor: TensorEntry) =>
    files.flatMap(input => (input === base ? tensor : (input.counterpart(tensor) ?? []))).map(({ name }) => name)
  const blocks =
    kinds.has('block') || expected !== undefined ? blockPositions(networkOf(base), isWeight, namesOf) : null
  if (blocks) requireStacks(blocks, expected, base.label)
  const unknown: TensorEntry[] = []
  return {
    of({ path }) {
      const position = { graph: graph.get(path) ?? 0, block: blocks?.positions.get(path) ?? 0 }
      return position.graph === 0 && position.block === 0 ? startPosition : position
    },
    require(tensor, keepsIdentical) {
      if (blocks?.positions.get(tensor.path) !== null) return
      if (!keepsIdentical || !isSameEverywhere(tensor, base, files)) unknown.push(tensor)
    },
    requireAll() {
      if (unknown.length === 0) return
      const names = unknown.map(({ name, path }) => name || path)
      const message = 'has a name made up by an exporter, and no node or neighbour tells which block it is in'
      throw new TureenError(
        'TUREEN_BLOCKS_UNKNOWN',
        `A gradient runs by block, and some tensors of ${base.label} belong to no known block: ${firstOf(names, namedTensors)}. Export the model with names of modules, give these tensors a rule with plain numbers, or let the gradient run "by": "graph".`,
        unknown.slice(0, namedTensors).map(({ name, path }) => ({ model: base.label, tensor: name || path, message })),
      )
    },
  }
}

function withoutGraph(label: string): TureenError {
  const message = 'is a checkpoint, which has no graph along which a gradient could run'
  return new TureenError(
    'TUREEN_CHECKPOINT_UNSUITABLE',
    `${label} ${message}. Let the gradient run "by": "block", or send plain numbers.`,
    [{ model: label, expected: '"by": "block"', actual: '"by": "graph"', message }],
  )
}

function isSameEverywhere(tensor: TensorEntry, base: MatchedInput, files: readonly MatchedInput[]): boolean {
  return files.every(input => {
    const own = input === base ? tensor : input.counterpart(tensor)
    return own !== undefined && sameElements({ tensor, literal: null }, base, { tensor: own, literal: null }, input)
  })
}

function requireStacks({ stacks }: BlockPositions, expected: number | undefined, label: string): void {
  if (stacks.length === 0) {
    throw new TureenError(
      'TUREEN_BLOCKS_UNKNOWN',
      `The request needs blocks, and no tensor or node of ${label} has a block number between dots in its name, such as layers.3.weight. Export the model with names of modules, or let gradients run "by": "graph".`,
      [{ model: label, expected: 'names such as layers.3.weight', message: 'has no names with block numbers' }],
    )
  }
  if (expected === undefined) return
  const [first, ...others] = stacks
  if (others.length === 0 && first?.blocks === expected) return
  const found = stacks
    .slice(0, namedTensors)
    .map(({ stack, blocks }) => `${stack}: ${blocks}`)
    .join(', ')
  throw new TureenError(
    'TUREEN_BLOCKS_UNKNOWN',
    `The request gives ${expected} blocks ("blocks", or a layer_range of mergekit), and ${label} has ${found}. Correct the number, or leave it out.`,
    [
      {
        model: label,
        field: 'blocks',
        expected: `${expected}`,
        actual: found,
        message: `is ${expected}, and the model has ${found}`,
      },
    ],
  )
}
