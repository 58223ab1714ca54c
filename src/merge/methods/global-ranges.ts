import type { KeptRange } from '../../tensor/sparsify.ts'
import { chosenSources } from '../element-reader.ts'
import { inputAt } from '../merge-input.ts'
import { magnitudeRanges } from './magnitude-ranges.ts'
import type { TensorTask } from './method.ts'

/**
 * Returns the range that each model of each tensor keeps of the order by magnitude of all its differences from the
 * base. The tensors in which a model takes part count as one vector.
 *
 * @param tasks the tensors, in the order of the file; the base is the source after the models
 * @param keptOf returns how many of some elements a model keeps; `place` is the model's index in the task
 */
export function globalRanges<Parameters>(
  tasks: readonly TensorTask<Parameters>[],
  keptOf: (task: TensorTask<Parameters>, place: number, elements: number) => number,
): KeptRange[][] {
  const ranges = tasks.map(({ settings }) => settings.models.map((): KeptRange => 'none'))
  for (const { models, places } of modelsTogether(tasks)) {
    const own = places.map(place => inputAt(tasks, place))
    const first = inputAt(own, 0)
    const placesIn = ({ settings }: TensorTask<Parameters>) => models.map(model => settings.models.indexOf(model))
    const elements = own.reduce((sum, { reader }) => sum + reader.elements, 0)
    const found = magnitudeRanges(
      own.map(task => chosenSources(task.reader, [...placesIn(task), task.settings.models.length])),
      placesIn(first).map(place => ({ from: 0, kept: keptOf(first, place, elements) })),
    )
    let before = 0
    for (const [index, task] of own.entries()) {
      const target = inputAt(ranges, inputAt(places, index))
      for (const [model, place] of placesIn(task).entries()) target[place] = behindFirst(inputAt(found, model), before)
      before += task.reader.elements
    }
  }
  return ranges
}

/** Returns groups of models that take part in the same tensors, so that one pass serves all models of a group. */
function modelsTogether(tasks: readonly TensorTask<unknown>[]): { models: number[]; places: number[] }[] {
  const placesOf = new Map<number, number[]>()
  for (const [place, { settings }] of tasks.entries()) {
    for (const model of settings.models) {
      const places = placesOf.get(model)
      if (places) places.push(place)
      else placesOf.set(model, [place])
    }
  }
  const groups = Map.groupBy(placesOf, ([, places]) => places.join())
  return [...groups.values()].map(group => ({ models: group.map(([model]) => model), places: group[0]?.[1] ?? [] }))
}

/** Returns the range of one tensor, given a range over several tensors with `before` elements in front of it. */
function behindFirst(range: KeptRange, before: number): KeptRange {
  if (typeof range === 'string') return range
  return { ...range, upTo: { ...range.upTo, last: range.upTo.last - before } }
}
