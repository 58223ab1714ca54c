import { TureenError } from '../errors.ts'

/**
 * Checks that either all inputs of a merge or a comparison are checkpoints, or none.
 * @throws TureenError `TUREEN_CHECKPOINT_UNSUITABLE` naming the first of each kind
 */
export function requireOneKind(inputs: readonly { label: string; isCheckpoint: boolean }[]): void {
  const checkpoint = inputs.find(({ isCheckpoint }) => isCheckpoint)
  const model = inputs.find(({ isCheckpoint }) => !isCheckpoint)
  if (!checkpoint || !model) return
  const message = `is a checkpoint, and ${model.label} is an ONNX model`
  throw new TureenError(
    'TUREEN_CHECKPOINT_UNSUITABLE',
    `${checkpoint.label} ${message}: their weights have other names and other forms. Take checkpoints only, or export each to ONNX and take models only.`,
    [{ model: checkpoint.label, expected: 'inputs of one kind', actual: 'models and checkpoints', message }],
  )
}
