import type { TensorEntry } from '../onnx/layout.ts'
import type { Edit } from '../onnx/splice.ts'
import { dataFiles, placeOf } from './data-files.ts'
import type { IndexedInput } from './merge-input.ts'
import type { PlannedFile, PlanPart, RetypedPart, TensorPart } from './plan-parts.ts'
import { repackedData } from './repacked-data.ts'
import { inlineEdits, retypedEdits, tensorEdits } from './tensor-edits.ts'

/** The places of the tensors of a merge's result: in the model's own file, or in the data files beside it. */
export type TensorPlaces = {
  /**
   * Puts a tensor of the base into its place. `elements`: all of its elements; null to keep the base's.
   * @param isRetyped true if the elements take another number of bytes than in the base
   * @param sources the tensor in each model that the elements are computed from
   * @returns false if the tensor shares its place, in every model, with one that was put there before: the two are one
   * tensor
   * @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if it shares its place with another tensor
   */
  put(
    tensor: TensorEntry,
    elements: TensorPart | RetypedPart | null,
    isRetyped: boolean,
    sources: readonly TensorEntry[],
  ): boolean
  /**
   * Returns the edits of the model's own file, and the data files beside it.
   *
   * @throws TureenError `TUREEN_MODEL_UNSUPPORTED`
   */
  finish(): { edits: Edit<PlanPart>[]; data: Map<string, PlannedFile> }
}

/**
 * Returns empty places for the tensors of a result.
 * @param inline true if everything goes into the model's own file
 * @param retypes true if any tensor takes another number of bytes, so that data files are laid out anew
 */
export function tensorPlaces(base: IndexedInput, inline: boolean, retypes: boolean): TensorPlaces {
  /** One array for each tensor, because a tensor stored in pieces may have a hundred thousand edits. */
  const edits: Edit<PlanPart>[][] = []
  const repacked = retypes && !inline ? repackedData(base) : null
  const data = dataFiles(base)
  return {
    put(tensor, elements, isRetyped, sources) {
      const { payload } = tensor
      const index = elements?.kind === 'tensor' ? elements.tensor : null
      if (elements && isRetyped && (inline || payload.form !== 'external')) {
        edits.push(retypedEdits(tensor, base.layout.frames, elements))
      } else if (payload.form !== 'external') {
        if (index !== null) edits.push(tensorEdits(tensor, index))
      } else if (inline) {
        edits.push(inlineEdits(tensor, payload, index))
      } else if (repacked) {
        const { location, offset, length } = payload
        const part = elements ?? { kind: 'data', location, from: offset, length }
        const origin = JSON.stringify([part.kind, tensor.dataType, sources.map(source => placeOf(source.payload))])
        return repacked.place(tensor, payload, part, origin)
      } else if (index !== null) {
        return data.replace(tensor, payload, index, sources)
      } else data.carry(tensor, payload)
      return true
    },
    finish() {
      if (!repacked) return { edits: edits.flat(), data: inline ? new Map() : data.files() }
      const written = repacked.finish()
      return { edits: [...edits.flat(), ...written.edits], data: written.files }
    },
  }
}
