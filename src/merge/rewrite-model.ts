import type { ByteSource } from '../onnx/byte-source.ts'
import type { ModelFiles } from '../onnx/external-data.ts'
import type { ExternalPayload, FixedRun, TensorEntry } from '../onnx/layout.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { type BytesPart, bytesPart, type Edit, splice } from '../onnx/splice.ts'
import { type PlannedFile, type PlanPart, plannedFile } from './plan-parts.ts'
import { planSource } from './plan-source.ts'
import type { PlanSource } from './planned-files.ts'
import { inlineEdits, tensorEdits } from './tensor-edits.ts'

/** Elements for some of a model's tensors, by path, as in raw_data. */
export type TensorValues = ReadonlyMap<string, Uint8Array<ArrayBuffer>>

/**
 * Returns a model with other elements in some of its tensors. Everything else is copied.
 * @param values of initializers that share bytes with no other tensor
 * @param inline true for a result of one file, even if the model has external data
 * @throws TureenError if the model cannot be read, `TUREEN_MODEL_MALFORMED` for instance
 */
export function rewriteModel(files: ModelFiles, values: TensorValues, inline: boolean): PlanSource {
  const layout = readLayout(files.source)
  const edits: Edit<PlanPart>[][] = []
  const inData = new Map<string, Edit<BytesPart>[]>()
  for (const tensor of layout.tensors) {
    const bytes = values.get(tensor.path)
    const { payload } = tensor
    if (payload.form === 'external' && inline) {
      edits.push(inlineEdits(tensor, payload, null).map(edit => (bytes ? withElements(edit, bytes) : edit)))
    } else if (payload.form === 'external' && bytes) {
      const some = inData.get(payload.location) ?? []
      inData.set(payload.location, some)
      some.push(dataEdit(payload, bytes))
    } else if (bytes) {
      edits.push(elementEdits(tensor, bytes))
    }
  }
  const plan = {
    main: plannedFile(splice(layout, edits.flat())),
    data: inline ? new Map() : dataFiles(files.data, inData),
    tensors: [],
    inputs: [],
    models: 0,
    base: 0,
    carried: { identical: 0, nonFloat: 0, elements: 0 },
    kept: [],
  }
  return planSource(plan, [{ ...files, label: 'the model' }])
}

/** Returns the edits that replace a tensor's elements in the model's own file. */
function elementEdits(tensor: TensorEntry, bytes: Uint8Array<ArrayBuffer>): Edit<PlanPart>[] {
  if (tensor.payload.form !== 'fixed') return tensorEdits(tensor, 0).map(edit => withElements(edit, bytes))
  let from = 0
  return tensor.payload.runs.flatMap(run => {
    const edits = runEdits(run, tensor.frame, bytes.subarray(from))
    from += run.count * run.width
    return edits
  })
}

/** Replaces unpacked values one by one, and keeps the tags between them. */
function runEdits(
  { offset, count, stride, width }: FixedRun,
  frame: number,
  bytes: Uint8Array<ArrayBuffer>,
): Edit<BytesPart>[] {
  const pieces = stride === width ? 1 : count
  const length = (count * width) / pieces
  return Array.from({ length: pieces }, (_, index) => {
    const start = offset + index * stride
    return { start, end: start + length, frame, parts: [bytesPart(bytes.slice(index * length, (index + 1) * length))] }
  })
}

/** Returns an edit of a merge with the given elements in place of computed ones. */
function withElements(edit: Edit<PlanPart>, bytes: Uint8Array<ArrayBuffer>): Edit<PlanPart> {
  const parts = edit.parts.map(part => (part.kind === 'tensor' || part.kind === 'data' ? bytesPart(bytes) : part))
  return { ...edit, parts }
}

function dataEdit({ offset, length }: ExternalPayload, bytes: Uint8Array<ArrayBuffer>): Edit<BytesPart> {
  return { start: offset, end: offset + length, frame: -1, parts: [bytesPart(bytes)] }
}

function dataFiles(
  data: ReadonlyMap<string, ByteSource>,
  edits: ReadonlyMap<string, readonly Edit<BytesPart>[]>,
): Map<string, PlannedFile> {
  return new Map(
    [...data].map(([location, { byteLength }]) => [
      location,
      plannedFile(splice({ byteLength, frames: [] }, edits.get(location) ?? [])),
    ]),
  )
}
