import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'

/** Returns the refusal of a checkpoint where a model is needed. @param field the field of the request with the reference */
export function withoutGraph(reference: string, field: string): TureenError {
  const message = 'is a checkpoint: weights without a graph, which cannot be run'
  return new TureenError(
    'TUREEN_CHECKPOINT_UNSUITABLE',
    `${reference} ${message}. Checkpoints can be merged and compared with each other, and downloaded. Export it to ONNX (torch.onnx.export), upload that, and name it here.`,
    [{ field, model: reference, expected: 'a model', actual: 'a checkpoint', message }],
  )
}

/** Checks that a download as safetensors is one of a checkpoint. @throws TureenError `TUREEN_REQUEST_INVALID` */
export function requireCheckpoint({ id, kind }: Pick<ModelRecord, 'id' | 'kind'>): void {
  if (kind === 'checkpoint') return
  const message = 'is an ONNX model, and only checkpoints can be had as safetensors'
  throw new TureenError('TUREEN_REQUEST_INVALID', `${id} ${message}. Leave format out.`, [
    { field: 'format', model: id, expected: 'a checkpoint', actual: 'a model', message },
  ])
}

/** Checks that a record is a checkpoint. @param reference the client's name for it @throws TureenError `TUREEN_REQUEST_INVALID` */
export function requireTrained({ kind }: Pick<ModelRecord, 'kind'>, reference: string): void {
  if (kind === 'checkpoint') return
  const message = 'is an ONNX model, and no checkpoint'
  throw new TureenError(
    'TUREEN_REQUEST_INVALID',
    `${reference} ${message}. Upload the .safetensors or .pth file of the training run, and name it here.`,
    [{ field: 'checkpoint', model: reference, expected: 'a checkpoint', actual: 'a model', message }],
  )
}
