import { TureenError } from '../errors.ts'
import type { DerivedWeight } from '../export/correspondence.ts'
import { deriveWeight, type TensorSupplier } from '../export/derive-weight.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { type Edit, splice } from '../onnx/splice.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { dataFiles } from './data-files.ts'
import type { IndexedInput } from './merge-input.ts'
import type { NonFiniteTensor } from './non-finite.ts'
import { type PartedWeight, partingEdits } from './parted-weights.ts'
import { type PlanPart, plannedFile } from './plan-parts.ts'
import { type PlanSource, renderedFiles } from './planned-files.ts'
import { type RecipeDocument, recipeEdits } from './provenance.ts'
import { tensorEdits } from './tensor-edits.ts'
import type { TensorRenderer } from './tensor-renderer.ts'

/** The files of a model that is made from a checkpoint. `nonFinite`: its weights that are not finite, once every byte was read. */
export type DerivedModel = { files: PlanSource; nonFinite(): NonFiniteTensor[] }

/** The weights that are made from a checkpoint. `parted`: those that get an initializer of their own. */
export type DerivedWeights = { weights: readonly DerivedWeight[]; parted: readonly PartedWeight[] }

/**
 * Returns the model of a checkpoint: an exported model with its weights derived from the checkpoint. Everything else is copied.
 * @param base the model that was exported from another checkpoint
 * @param read reads the checkpoint, which fits
 * @param recipe for the metadata of the model; null to keep that of the base
 * @throws TureenError `TUREEN_MODEL_UNSUPPORTED` if two weights with different derivations share bytes of a data file, or if the graph gives
 *   a parted weight no Identity
 */
export function derivedModel(
  base: IndexedInput,
  { weights, parted }: DerivedWeights,
  read: TensorSupplier,
  recipe: RecipeDocument | null,
): DerivedModel {
  const places = new Map(weights.map((weight, index) => [weight.path, index]))
  const data = dataFiles(base)
  const edits: Edit<PlanPart>[] = recipe ? recipeEdits(base.layout, recipe) : []
  const external = new Map<string, number>()
  for (const tensor of base.layout.tensors) {
    const { payload } = tensor
    const index = places.get(tensor.path)
    if (payload.form !== 'external') {
      if (index !== undefined) edits.push(...tensorEdits(tensor, index))
    } else if (index === undefined) data.carry(tensor, payload)
    else if (data.replace(tensor, payload, index, [tensor])) external.set(placeKey(payload), index)
    else requireSame(base.label, tensor, weights, index, external.get(placeKey(payload)))
  }
  const parting = partingEdits(base, parted, weights.length)
  if (!parting) throw notParted(base.label, parted)
  edits.push(...parting)
  const plan = { main: plannedFile(splice(base.layout, edits)), data: data.files() }
  const others = parted.map(({ output, derivation }) => ({ tensor: output, derivation }))
  const { renderer, nonFinite } = derivedTensors([...weights, ...others], read)
  return { files: renderedFiles(plan, base, renderer), nonFinite }
}

function placeKey({ location, offset, length }: { location: string; offset: number; length: number }): string {
  return `${offset}+${length} ${location}`
}

/** Checks that two weights with one place in a data file have one derivation. @throws TureenError `TUREEN_MODEL_UNSUPPORTED` */
function requireSame(
  model: string,
  { name, path }: TensorEntry,
  weights: readonly DerivedWeight[],
  index: number,
  other: number | undefined,
): void {
  const first = other === undefined ? undefined : weights[other]
  if (JSON.stringify(first?.derivation) === JSON.stringify(weights[index]?.derivation)) return
  const tensor = name || path
  const message = `shares bytes of its data file with ${first?.tensor}, and follows from another tensor of the checkpoint`
  throw new TureenError(
    'TUREEN_MODEL_UNSUPPORTED',
    `In the model ${model} the weight ${tensor} ${message}. Save the model again (onnx.load, onnx.save) to store each by itself, then make its export again.`,
    [{ model, tensor, message }],
  )
}

function notParted(model: string, parted: readonly PartedWeight[]): TureenError {
  const tensor = parted.map(({ output }) => output).join(', ')
  const message = 'is stored once with another tensor, and differs from it in this checkpoint'
  return new TureenError(
    'TUREEN_MODEL_UNSUPPORTED',
    `In the model ${model} the weight ${tensor} ${message}. Export a trained checkpoint, in which they differ, and make its export.`,
    [{ model, tensor, message }],
  )
}

/** Returns the renderer of derived weights. It holds one weight at a time: files are read from their beginning to their end. */
function derivedTensors(
  weights: readonly Pick<DerivedWeight, 'tensor' | 'derivation'>[],
  read: TensorSupplier,
): { renderer: TensorRenderer; nonFinite: DerivedModel['nonFinite'] } {
  const counts = new Map<number, number>()
  let current: { index: number; bytes: Uint8Array } | undefined
  const derive = (index: number) => {
    if (current?.index === index) return current
    const weight = weights[index]
    if (!weight) throw new RangeError(`there is no weight ${index}`)
    const { dtype, bytes } = deriveWeight(weight.derivation, read)
    const format = floatFormat(dtype)
    counts.set(index, format.countNonFinite(bytes, bytes.byteLength / format.bytes))
    current = { index, bytes }
    return current
  }
  return {
    renderer: {
      render(index, from, length, take) {
        take(derive(index).bytes.subarray(from, from + length))
      },
      computed: () => ({ tensors: new Set(counts.keys()), nonFinite: counts, counts: new Map() }),
    },
    nonFinite: () =>
      weights.flatMap(({ tensor }, index) => {
        const elements = counts.get(index) ?? 0
        return elements > 0 ? [{ tensor, elements }] : []
      }),
  }
}
