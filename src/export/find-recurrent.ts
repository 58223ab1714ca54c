import { domainOf } from '../onnx/graph/network-scope.ts'
import { arranged, arrangedTensor, arrangementsTo, permutations } from './arrangement.ts'
import { type CheckpointSources, sourceAs } from './checkpoint-sources.ts'
import type { SourceCandidate } from './choose-source.ts'
import type { Derivation } from './derivation.ts'
import { type DerivedTensor, elementsOf } from './derived-tensor.ts'
import { concatenatedTensors, sliced } from './element-moves.ts'
import { onlyThere } from './find-parts.ts'
import type { WeightName } from './graph-targets.ts'
import { digestOf } from './multiset-digest.ts'
import { hasEnoughValues } from './value-counts.ts'

/** Gates of each recurrent operator of ONNX (https://onnx.ai/onnx/operators): LSTM has i o f c, GRU z r h. */
const gatesOf: Record<string, number> = { LSTM: 4, GRU: 3, RNN: 1 }

/**
 * Returns the derivation of a weight of a recurrent operator: one tensor for each direction, its gates in the order of ONNX. A bias has two tensors
 * for each direction: those of the input and of the recurrence.
 */
export function recurrentCandidates(
  target: DerivedTensor,
  weight: WeightName,
  sources: CheckpointSources,
): SourceCandidate[] {
  const [reader] = weight.readers
  const gates = reader && domainOf(reader.node) === '' ? gatesOf[reader.node.opType ?? ''] : undefined
  if (!reader || gates === undefined || weight.readers.length > 1 || reader.port < 1 || reader.port > 3) return []
  const [directions = 1, rows = 1, ...rest] = target.dims
  const halves = reader.port === 3 ? 2 : 1
  const height = rows / halves
  if (height % gates !== 0) return []
  const parts: SourceCandidate[] = []
  for (let direction = 0; direction < directions; direction += 1) {
    const own = sliced(target, 0, direction, direction + 1)
    for (let half = 0; half < halves; half += 1) {
      const block = { ...sliced(own, 1, half * height, (half + 1) * height), dims: [height, ...rest] }
      const found = onlyThere(gateCandidates(block, gates, sources), weight)
      if (!found) return []
      parts.push(found)
    }
  }
  const [first] = parts
  if (!first) return []
  const laid: Derivation =
    parts.length === 1 ? first.derivation : { op: 'concat', of: parts.map(({ derivation }) => derivation), axis: 0 }
  return [{ key: first.key, derivation: { op: 'reshape', of: laid, dims: [...target.dims] } }]
}

/** Returns the tensors that are a block of gates, each with its gates in any order. */
function gateCandidates(block: DerivedTensor, gates: number, sources: CheckpointSources): SourceCandidate[] {
  if (!hasEnoughValues(block)) return []
  const { dtype, dims } = block
  const elements = elementsOf(dims)
  const digest = digestOf(block)
  const same = sources.all.filter(source => source.elements === elements && sources.digest(source, dtype) === digest)
  return same.flatMap(source =>
    arrangementsTo(source.dims, dims).flatMap(arrangement => {
      const of = arranged(sourceAs(source, dtype), arrangement)
      const values = arrangedTensor(sources.read(source, dtype), arrangement)
      const height = (dims[0] ?? 1) / gates
      return permutations(Array.from({ length: gates }, (_, gate) => gate)).flatMap((order): SourceCandidate[] => {
        const [first, ...others] = order.map(gate => sliced(values, 0, gate * height, (gate + 1) * height))
        if (!first || Buffer.compare(concatenatedTensors([first, ...others], 0).bytes, block.bytes) !== 0) return []
        const isSame = order.every((gate, place) => gate === place)
        const slices = order.map((gate): Derivation => {
          return { op: 'slice', of, axis: 0, start: gate * height, end: (gate + 1) * height }
        })
        return [{ key: source.key, derivation: isSame ? of : { op: 'concat', of: slices, axis: 0 } }]
      })
    }),
  )
}
