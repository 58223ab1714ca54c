import type { ByteSource } from '../onnx/byte-source.ts'
import type { Layout } from '../onnx/layout.ts'
import { checkpointLayout } from './checkpoint-layout.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'

/** Indexes a safetensors file by its header. @throws TureenError as {@link readSafetensorsHeader} does */
export function readSafetensors(source: ByteSource): Layout {
  const { tensors, metadata } = readSafetensorsHeader(source)
  const entries = tensors.map(({ key, dataType, dims, elements, start, end }, index) => ({
    name: key,
    path: `tensor[${index}]`,
    frame: -1,
    dataType,
    dims,
    elements,
    payload: { form: 'raw' as const, start, offset: start, length: end - start },
  }))
  return checkpointLayout(source.byteLength, entries, {
    format: 'safetensors',
    root: '',
    roots: [''],
    metadata,
    ignored: [],
  })
}
