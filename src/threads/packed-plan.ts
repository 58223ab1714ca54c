import { inputAt } from '../merge/merge-input.ts'
import type { MergePlan, PlannedTensor } from '../merge/merge-plan.ts'
import type { PlannedFile, PlanPart, TensorPart } from '../merge/plan-parts.ts'
import type { TensorEntry, TensorPayload } from '../onnx/layout.ts'
import type { CopyPart } from '../onnx/splice.ts'
import { numberAt, packNumbers, packRepeated, packSome, repeatedAt } from './packed-columns.ts'

/**
 * A plan in a form that passes quickly between threads: one column for each field of its tensors and parts. v8 writes the name of every
 * field of every object, and compares each object with all before it. For 60,000 tensors that took longer than to plan their merge.
 */
export type PackedPlan = Omit<MergePlan, 'main' | 'data' | 'tensors'> & {
  main: PackedFile
  data: Map<string, PackedFile>
  tensors: PackedTensors
}

/** Returns a plan in columns. */
export function packPlan({ main, data, tensors, ...rest }: MergePlan): PackedPlan {
  return {
    ...rest,
    main: packFile(main),
    data: new Map([...data].map(([location, file]) => [location, packFile(file)])),
    tensors: packTensors(tensors),
  }
}

/** Returns the plan that {@link packPlan} packed. */
export function unpackPlan({ main, data, tensors, ...rest }: PackedPlan): MergePlan {
  return {
    ...rest,
    main: unpackFile(main),
    data: new Map([...data].map(([location, file]) => [location, unpackFile(file)])),
    tensors: unpackTensors(tensors),
  }
}

const shapeOf = (dims: readonly number[]) => dims.join()

type PackedTensors = ReturnType<typeof packTensors>

function packTensors(tensors: readonly PlannedTensor[]) {
  const sources = packRepeated(tensors.flatMap(tensor => tensor.sources))
  return {
    names: tensors.map(({ name }) => name),
    dtypes: packRepeated(tensors.map(({ dtype }) => dtype)),
    outputs: packRepeated(tensors.map(({ output }) => output)),
    shapes: packRepeated(
      tensors.map(({ dims }) => dims),
      shapeOf,
    ),
    elements: packNumbers(tensors, ({ elements }) => elements),
    positions: packRepeated(tensors.map(({ position }) => position)),
    rules: packRepeated(tensors.map(({ rule }) => rule)),
    operations: packRepeated(tensors.map(({ operation }) => operation)),
    /** By tensor; most methods rank no rows. */
    rows: packSome(tensors, ({ rows }) => rows),
    sources: { indices: sources.indices, entries: packEntries(sources.values) },
    sourceCounts: packNumbers(tensors, tensor => tensor.sources.length),
  }
}

function unpackTensors(packed: PackedTensors): PlannedTensor[] {
  const entries = { values: unpackEntries(packed.sources.entries), indices: packed.sources.indices }
  let source = 0
  return packed.names.map((name, index): PlannedTensor => {
    const rows = packed.rows.get(index)
    const sources: TensorEntry[] = []
    for (const end = source + numberAt(packed.sourceCounts, index); source < end; source += 1)
      sources.push(repeatedAt(entries, source))
    return {
      name,
      dtype: repeatedAt(packed.dtypes, index),
      output: repeatedAt(packed.outputs, index),
      dims: repeatedAt(packed.shapes, index),
      elements: numberAt(packed.elements, index),
      position: repeatedAt(packed.positions, index),
      ...(rows ? { rows } : {}),
      rule: repeatedAt(packed.rules, index),
      sources,
      operation: repeatedAt(packed.operations, index),
    }
  })
}

type PackedEntries = ReturnType<typeof packEntries>

/** Numbers of each entry: frame, type, elements; then, of raw payloads, start, offset and length. */
const entryNumbers = 6

/** Reads each entry once: entries lie far apart in memory, and each look at one takes as long as to pack it. */
function packEntries(entries: readonly TensorEntry[]) {
  const names: string[] = []
  const paths: string[] = []
  const dims: number[][] = []
  const numbers = new Float64Array(entries.length * entryNumbers)
  /** The payloads that are not raw, by entry. */
  const others = new Map<number, TensorPayload>()
  entries.forEach((entry, index) => {
    const { payload } = entry
    names.push(entry.name)
    paths.push(entry.path)
    dims.push(entry.dims)
    const at = index * entryNumbers
    numbers[at] = entry.frame
    numbers[at + 1] = entry.dataType
    numbers[at + 2] = entry.elements
    if (payload.form !== 'raw') others.set(index, payload)
    else {
      numbers[at + 3] = payload.start
      numbers[at + 4] = payload.offset
      numbers[at + 5] = payload.length
    }
  })
  return { names, paths, shapes: packRepeated(dims, shapeOf), numbers, others }
}

function unpackEntries({ names, paths, shapes, numbers, others }: PackedEntries): TensorEntry[] {
  return names.map((name, index): TensorEntry => {
    const at = index * entryNumbers
    return {
      name,
      path: inputAt(paths, index),
      frame: numberAt(numbers, at),
      dataType: numberAt(numbers, at + 1),
      dims: repeatedAt(shapes, index),
      elements: numberAt(numbers, at + 2),
      payload: others.get(index) ?? {
        form: 'raw',
        start: numberAt(numbers, at + 3),
        offset: numberAt(numbers, at + 4),
        length: numberAt(numbers, at + 5),
      },
    }
  })
}

type PackedFile = ReturnType<typeof packFile>

const none = -1

function packFile({ byteLength, parts }: PlannedFile) {
  return {
    byteLength,
    /** The tensor of a part that is (some of) a tensor; {@link none} for a copy. */
    tensors: packNumbers(parts, part => (part.kind === 'tensor' ? part.tensor : none)),
    froms: packNumbers(parts, part => (part.kind === 'tensor' || part.kind === 'copy' ? part.from : 0)),
    lengths: packNumbers(parts, ({ length }) => length),
    /** The parts of other kinds, by index. */
    others: packSome(parts, otherPart),
  }
}

function otherPart(part: PlanPart): Exclude<PlanPart, CopyPart | TensorPart> | undefined {
  return part.kind === 'tensor' || part.kind === 'copy' ? undefined : part
}

function unpackFile({ byteLength, tensors, froms, lengths, others }: PackedFile): PlannedFile {
  return {
    byteLength,
    parts: Array.from(lengths, (length, index): PlanPart => {
      const other = others.get(index)
      if (other) return other
      const tensor = numberAt(tensors, index)
      const from = numberAt(froms, index)
      return tensor === none ? { kind: 'copy', from, length } : { kind: 'tensor', tensor, from, length }
    }),
  }
}
