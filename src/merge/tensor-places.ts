import type { TensorEntry } from '../onnx/layout.ts'
import type { Edit } from '../onnx/splice.ts'
import { dataFiles, placeOf } from './data-files.ts'
import type { IndexedInput } from './merge-input.ts'
import type { PlannedFile, PlanPart, RetypedPart, TensorPart } from './plan-parts.ts'
import { repackedData } from './repacked-data.ts'
import { inlineEdits, retypedEdits, tensorEdits } from './tensor-edits.ts'

/** Where the tensors of a merge's result go: into the model's own file, or into those beside it. */
export type TensorPlaces = {
  /**
   * Puts a tensor of the base into its place. `elements`: all of them, or null where those of the base stay.
   * @param isRetyped whether they take another number of bytes than in the base
   * @param sources the tensor in each model that they are computed from
   * @returns false if it shares its place with a tensor that has been put there, in every model: it is the same one
   * @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if it shares its place with another
   */
  put(
    tensor: TensorEntry,
    elements: TensorPart | RetypedPart | null,
    isRetyped: boolean,
    sources: readonly TensorEntry[],
  ): boolean
  /** The edits of the model's own file, and the data files beside it. @throws TureenError `TUREEN_MODEL_UNSUPPORTED` */
  finish(): { edits: Edit<PlanPart>[]; data: Map<string, PlannedFile> }
}

/**
 * @param inline whether all goes into the model's own file
 * @param retypes whether any tensor takes another number of bytes: data files are then written anew
 */
export function tensorPlaces(base: IndexedInput, inline: boolean, retypes: boolean): TensorPlaces {
  /** Of each tensor its own: one that is stored in pieces has a hundred thousand. */
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
