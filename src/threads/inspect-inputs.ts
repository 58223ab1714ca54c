import { blame, TureenError } from '../errors.ts'
import { externalLocations } from '../onnx/external-data.ts'
import { locationList } from '../onnx/unknown-location.ts'
import { inspectWeights } from './inspect-task.ts'
import type { OpenInput } from './open-inputs.ts'

/**
 * Checks the inputs of a merge that no upload has checked, each content once, as an upload does.
 * @throws TureenError as {@link inspectWeights} does, naming the model
 */
export function inspectInputs(inputs: readonly OpenInput[]): void {
  const unchecked = new Map(inputs.filter(({ isUnchecked }) => isUnchecked).map(input => [input.sha256, input]))
  for (const input of unchecked.values()) requireOwnParts(input, inputs)
  for (const input of unchecked.values()) {
    try {
      inspectWeights(input)
    } catch (error) {
      throw blame(error, input.label)
    }
  }
}

/**
 * Checks that a form's data parts belong to the model part before them. The error names another model that the part
 * belongs to, if there is one.
 */
function requireOwnParts({ label, layout, data }: OpenInput, inputs: readonly OpenInput[]): void {
  const own = externalLocations(layout)
  const location = [...data.keys()].find(each => !own.has(each))
  if (location === undefined) return
  const owner = inputs.find(other => !other.data.has(location) && externalLocations(other.layout).has(location))
  const names = own.size > 0 ? `names ${locationList([...own.keys()])}` : 'has all of its weights in its own file'
  const message = `does not name the external data ${location}, which was sent after it`
  const advice = owner
    ? `The model ${owner.label} names it: send each data part right after the model part that names it, before the next model`
    : 'The filename of a data part is the location that the model gives, directories kept'
  throw new TureenError('TUREEN_NOT_FOUND', `The model ${label} ${message}; it ${names}. ${advice}.`, [
    { model: label, location, ...(own.size > 0 ? { expected: locationList([...own.keys()]) } : {}), message },
  ])
}
