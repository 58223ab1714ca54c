import type { ByteSource } from '../onnx/byte-source.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { cosineOf, PairSums } from '../tensor/pair-sums.ts'
import { elementsOf, inputAt, type LabelledFiles, type MergeInput, type MergeSettings } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './merge-plan.ts'
import { isMatrix, type LearnedMatrix, type NetworkFacts, pairWarnings, sentencesOf } from './pair-warnings.ts'

/**
 * The largest number of matrices sampled in a model, the blocks of each, and the elements of a block: 1 MiB of a model
 * in float32.
 */
const [mostMatrices, blocks, blockElements] = [256, 4, 256]

/** A merge input whose elements can be read. */
type SampledInput = LabelledFiles & Pick<MergeInput, 'sha256'>

type Pair = { place: number; label: string; matrices: LearnedMatrix[]; differing: Set<string> }

/**
 * Returns the warnings that a comparison would give for the models of a merge. Each model is compared with the base
 * whose changes are merged, or else with the first model. Reads fixed blocks of the planned tensors: at most 1,024
 * elements of each of at most 256 matrices.
 *
 * @param inputs all of the merge's inputs
 * @throws TureenError naming the model that cannot be read
 */
export function sampledWarnings(
  plan: MergePlan,
  inputs: readonly SampledInput[],
  { usesBase, recalibrate }: Pick<MergeSettings, 'usesBase' | 'recalibrate'>,
  network: NetworkFacts,
): string[] {
  const inputOf = (place: number) => inputAt(inputs, inputAt(plan.inputs, place))
  const taking = new Set(plan.tensors.flatMap(({ operation }) => operation.from))
  const models = Array.from({ length: plan.models }, (_, place) => place).filter(place => taking.has(place))
  const origin = usesBase ? plan.models : models[0]
  if (origin === undefined) return []
  const reference = inputOf(origin)
  const pairs = models
    .filter(place => inputOf(place).sha256 !== reference.sha256)
    .map((place): Pair => ({ place, label: inputOf(place).label, matrices: [], differing: new Set() }))
  if (pairs.length === 0) return []
  const statistics = new Set(recalibrate ? [] : network.statistics)
  for (const tensor of sampledTensors(plan.tensors, statistics)) {
    const { name, dtype, elements, dims } = tensor
    const sampleAt = (place: number) => sampleOf(tensor, place, inputOf(place))
    const { from } = tensor.operation
    if (!from.includes(origin)) continue
    const ours = sampleAt(origin)
    for (const { place, matrices, differing } of pairs) {
      if (!from.includes(place)) continue
      const theirs = sampleAt(place)
      if (Buffer.compare(ours, theirs) === 0) continue
      differing.add(name)
      if (!isMatrix(dims)) continue
      const sums = new PairSums(floatFormat(dtype))
      sums.add(ours, theirs)
      const cosine = cosineOf(sums.measure)
      if (cosine !== null) matrices.push({ tensor: name, elements, cosine })
    }
  }
  const found = pairs.flatMap(({ label, matrices, differing }) =>
    pairWarnings({ matrices, differs: tensor => differing.has(tensor) }, network).map(warning => {
      return { ...warning, pair: `${reference.label} and ${label}` }
    }),
  )
  return sentencesOf(found, pairs.length)
}

/** Returns matrices from all over the model, up to the limit, and statistics of batch norms. */
function sampledTensors(tensors: readonly PlannedTensor[], statistics: ReadonlySet<string>): PlannedTensor[] {
  const matrices = tensors.filter(({ dims }) => isMatrix(dims))
  const count = Math.min(matrices.length, mostMatrices)
  const chosen = Array.from({ length: count }, (_, index) =>
    inputAt(matrices, Math.floor(((index + 0.5) * matrices.length) / count)),
  )
  return [...chosen, ...tensors.filter(({ name }) => statistics.has(name))]
}

/** Returns blocks of a tensor in one model, joined; the whole tensor if it is small. */
function sampleOf({ dtype, elements, sources }: PlannedTensor, place: number, input: LabelledFiles): Uint8Array {
  const entry = inputAt(sources, place)
  const source: ByteSource = elementsOf(entry, input)
  const { bytes: width } = floatFormat(dtype)
  const sampled = Math.min(elements, blocks * blockElements)
  const sample = new Uint8Array(sampled * width)
  // Elements stored as varints are found by counting from the start.
  if (sampled === elements || entry.payload.form === 'varint') {
    source.read(0, sample)
    return sample
  }
  for (let block = 0; block < blocks; block += 1) {
    const first = Math.floor(((elements - blockElements) * block) / (blocks - 1))
    const at = block * blockElements * width
    source.read(first * width, sample.subarray(at, at + blockElements * width))
  }
  return sample
}
