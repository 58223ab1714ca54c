import { blame, type ProblemItem, TureenError } from '../errors.ts'
import { compareStructures } from '../onnx/compare-structures.ts'
import { externalLocations } from '../onnx/model-files.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { type Structure, structureOf } from '../onnx/structure.ts'
import { requireComplete } from './incomplete.ts'
import { baseOf, type IndexedInput } from './merge-input.ts'

/** Every difference of structure between the base and the other models, none read twice; empty if they are one network. */
export function compareWithBase(inputs: readonly IndexedInput[], settings: { base: number }): ProblemItem[] {
  const baseInput = baseOf(inputs, settings)
  const base = structure(baseInput)
  const problems: ProblemItem[] = []
  for (const input of inputs) {
    if (input.sha256 === baseInput.sha256) continue
    for (const problem of compareStructures(base, structure(input))) problems.push({ model: input.label, ...problem })
  }
  return problems
}

function structure({ layout, source, data, label }: IndexedInput): Structure {
  requireComplete(
    label,
    [...externalLocations(layout).keys()].filter(location => !data.has(location)),
  )
  const twice = firstRepeated(
    layout.tensors.filter(({ path }) => path.startsWith('graph.initializer[')).map(({ name }) => name),
  )
  if (twice !== undefined) {
    const message = `the initializer ${twice} stands in the graph twice`
    throw new TureenError('TUREEN_MODEL_MALFORMED', `In the model ${label}, ${message}.`, [
      { model: label, tensor: twice, message },
    ])
  }
  try {
    return structureOf(layout, decodeSkeleton(layout), source)
  } catch (error) {
    throw blame(error, label)
  }
}

function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return names.find(name => seen.size === seen.add(name).size)
}
