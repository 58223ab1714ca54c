import { TureenError } from '../errors.ts'
import type { ModelFiles } from '../onnx/external-data.ts'
import type { Layout } from '../onnx/layout.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { readSafetensors } from './read-safetensors.ts'
import { readSafetensorsIndex } from './read-safetensors-index.ts'
import { readTorch } from './read-torch.ts'
import { checkpointFormat } from './recognise.ts'
import { shownName } from './unreadable-checkpoint.ts'

/**
 * Indexes a file that holds weights: an ONNX model, or a checkpoint in any of its formats.
 *
 * @param files its own file, and those of its external data that are present
 * @param root the client's choice among the dicts of tensors in a checkpoint of PyTorch; undefined for the usual one, and for other files
 * @throws TureenError as {@link readLayout}, {@link readSafetensors}, {@link readSafetensorsIndex} and {@link readTorch} do
 */
export function readWeights({ source, data }: ModelFiles, root?: string): Layout {
  const format = checkpointFormat(source)
  if (root !== undefined && format !== 'torch') throw withoutRoots(root)
  switch (format) {
    case 'safetensors':
      return readSafetensors(source)
    case 'safetensors-index':
      return readSafetensorsIndex(source, data)
    case 'torch':
      return readTorch(source, root)
    case null:
      return readLayout(source)
  }
}

function withoutRoots(root: string): TureenError {
  const message = 'chooses among the dicts of tensors in a file of torch.save, and this file is none'
  return new TureenError('TUREEN_REQUEST_INVALID', `The parameter root ${message}. Leave root out.`, [
    { field: 'root', expected: 'no root', actual: shownName(root), message },
  ])
}
