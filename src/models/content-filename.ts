import type { ModelRecord } from '../../schemas/model.ts'

const extensions = {
  safetensors: '.safetensors',
  'safetensors-index': '.safetensors.index.json',
  torch: '.pt',
} as const

/** Ends of the names of checkpoints. */
const known = /\.(safetensors\.index\.json|safetensors|pt|pth|ckpt|bin)$/i

/**
 * Returns the file name of a download: the name of the record, with the extension of its format.
 * @param format the format in which a checkpoint is sent, if it is not its own
 */
export function contentFilename(
  { name, id, checkpoint }: Pick<ModelRecord, 'name' | 'id' | 'checkpoint'>,
  format?: 'safetensors',
): string {
  const own = name ?? id
  if (!checkpoint) return `${own.replace(/\.onnx$/i, '')}.onnx`
  const extension = extensions[format ?? checkpoint.format]
  const isPytorch = extension === '.pt' && /\.(pt|pth|ckpt|bin)$/i.test(own)
  return isPytorch ? own : `${own.replace(known, '')}${extension}`
}
