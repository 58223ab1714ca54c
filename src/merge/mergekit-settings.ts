import type { MergekitParameters } from '../../schemas/mergekit.ts'
import type { MergekitMerge } from './mergekit-config.ts'
import {
  type MergekitMethod,
  type MergekitParameter,
  mergekitParameterNames,
  mergekitVersion,
} from './mergekit-methods.ts'
import type { ConfiguredModel, ParameterPlace } from './mergekit-models.ts'
import { refusal, type Setting, settingOf } from './mergekit-values.ts'

/**
 * A parameter as mergekit reads it. `settings`: one for all models, or one for each if models may differ. `isSaid`:
 * true if the configuration sets it.
 */
export type ReadParameter = { settings: Setting[]; isSaid: boolean }

/** All parameters of a method, and sentences about further ones in the configuration. */
export type ReadParameters = { parameters: ReadonlyMap<string, ReadParameter>; notes: string[] }

/**
 * Returns the parameters of a method as mergekit reads them from a configuration, including defaults.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for a name that no method of mergekit has, and for a model's parameter
 * that mergekit reads only from the whole configuration
 */
export function readParameters(
  { method, shared }: Pick<MergekitMerge, 'method' | 'shared'>,
  models: readonly ConfiguredModel[],
  listed: readonly ConfiguredModel[],
  { parameters }: MergekitMethod,
): ReadParameters {
  const places = [...listed.map(({ own }) => own), ...shared]
  const names = new Set(places.flatMap(place => Object.keys(place.parameters)))
  for (const name of names) requireKnown(name, parameters[name], places, listed)
  return {
    parameters: new Map(
      Object.entries(parameters).map(([name, parameter]) => [name, readParameter(name, parameter, models, shared)]),
    ),
    notes: [...names]
      .filter(name => !Object.hasOwn(parameters, name) && name !== 'int8_mask')
      .map(name => `${name} of the mergekit configuration changes nothing: mergekit's ${method} does not use it.`),
  }
}

function readParameter(
  name: string,
  { scope, fallback }: MergekitParameter,
  models: readonly ConfiguredModel[],
  shared: readonly ParameterPlace[],
): ReadParameter {
  const levels = (places: readonly ParameterPlace[]) =>
    places.map(({ field, parameters }) => ({ field: `${field}.${name}`, value: valueIn(parameters, name) }))
  const places = scope === 'all' ? [shared] : models.map(({ own }) => [own, ...shared])
  const settings = places.map(each => settingOf(levels(each), `${each[0]?.field ?? 'parameters'}.${name}`, fallback))
  return { settings, isSaid: places.flat().some(({ parameters }) => valueIn(parameters, name) !== undefined) }
}

function requireKnown(
  name: string,
  parameter: MergekitParameter | undefined,
  places: readonly ParameterPlace[],
  listed: readonly ConfiguredModel[],
): void {
  const said = places.filter(({ parameters }) => valueIn(parameters, name) !== undefined)
  const fieldIn = (place: ParameterPlace | undefined) => `${place?.field}.${name}`
  if (!mergekitParameterNames.has(name)) {
    const message = `is no parameter of mergekit ${mergekitVersion}; correct the name, or leave it out`
    throw refusal([{ field: fieldIn(said[0]), message }])
  }
  const ofModel = said.find(place => listed.some(({ own }) => own === place))
  if (parameter?.scope !== 'all' || !ofModel) return
  const message = `is read by mergekit from the parameters of the whole configuration only, and not from those of a model; move ${name} there, or leave it out`
  throw refusal([{ field: fieldIn(ofModel), message }])
}

function valueIn(parameters: MergekitParameters, name: string): MergekitParameters[string] | undefined {
  return Object.hasOwn(parameters, name) ? parameters[name] : undefined
}
