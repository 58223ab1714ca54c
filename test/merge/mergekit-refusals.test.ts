import { describe, expect, it } from 'vitest'
import { ab, converted } from '../support/mergekit.ts'

describe('a configuration of mergekit', () => {
  const ofModels = 'models: [{model: a}, {model: b}]'
  it.each([
    ['slices', `merge_method: linear\nslices: []\n${ofModels}`, 'slices', /not supported: layers/],
    [
      'embeddings of single tokens',
      `merge_method: linear\ntokenizer: {source: base, tokens: {x: {source: a}}}\n${ofModels}`,
      'tokenizer.tokens.x',
      /not supported/,
    ],
    [
      'a part of the layers',
      'merge_method: linear\nslices: [{sources: [{model: a, layer_range: [2, 4]}]}]',
      'slices.0.sources.0.layer_range',
      /not supported: layers.*2 to 4/,
    ],
    [
      'models of several depths',
      'merge_method: linear\nslices: [{sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [0, 5]}]}]',
      'slices.0.sources.1.layer_range',
      /not supported: layers.*0 to 5/,
    ],
    [
      'several slices',
      'merge_method: linear\nslices: [{sources: [{model: a, layer_range: [0, 4]}]}, {sources: [{model: a, layer_range: [0, 4]}]}]',
      'slices',
      /2 entries/,
    ],
    [
      'a base that slices do not load',
      'merge_method: ties\nbase_model: c\nslices: [{sources: [{model: a, layer_range: [0, 4]}]}]',
      'base_model',
      /add it to the sources/,
    ],
    ['a model twice', 'merge_method: linear\nmodels: [{model: a}, {model: a}]', 'models.1.model', /second time/],
    ['a method of another origin', `merge_method: ema\n${ofModels}`, 'merge_method', /no method of mergekit/],
    [
      'a parameter that mergekit does not know',
      `merge_method: ties\nbase_model: c\nparameters: {densty: 1}\n${ofModels}`,
      'parameters.densty',
      /no parameter of mergekit/,
    ],
    [
      'the L1 rescaling of della',
      `merge_method: della\nbase_model: c\nparameters: {rescale: true}\n${ofModels}`,
      'parameters.rescale',
      /L1.*divides each entry that it keeps by the probability/,
    ],
    [
      'della that leaves what it keeps',
      `merge_method: della_linear\nbase_model: c\nparameters: {rescale: false, density: 0.5}\n${ofModels}`,
      'parameters.rescale',
      /divides each entry/,
    ],
    [
      'filters of model_stock',
      `merge_method: model_stock\nbase_model: c\nparameters: {filter_wise: true}\n${ofModels}`,
      'parameters.filter_wise',
      /a tensor is a whole/,
    ],
    ['a large eps', `merge_method: multislerp\nparameters: {eps: 0.1}\n${ofModels}`, 'parameters.eps', /adds eps/],
    ['a large tol', `merge_method: karcher\nparameters: {tol: 0.1}\n${ofModels}`, 'parameters.tol', /shorter than tol/],
    [
      'normalized weights of which some cancel',
      `merge_method: ties\nbase_model: c\n${ab('weight: 1', 'weight: -1')}`,
      'models.0.parameters.weight',
      /cancel/,
    ],
    [
      'an unlisted base without a weight',
      `merge_method: linear\nbase_model: c\n${ab('weight: 1', 'weight: 2')}`,
      'base_model.weight',
      /missing/,
    ],
    [
      'text for a number',
      `merge_method: linear\n${ab('weight: "yes"', 'weight: 1')}`,
      'models.0.parameters.weight',
      /finite number/,
    ],
    ['an unknown key', `merge_method: linear\nspeed: 1\n${ofModels}`, 'speed', /not supported/],
    [
      'an unknown key of a model',
      'merge_method: linear\nmodels: [{model: a, revision: main}]',
      'models.0.revision',
      /not supported/,
    ],
    ['a type that no soup can have', `merge_method: linear\ndtype: int8\n${ofModels}`, 'dtype', /float32/],
    ['no models', 'merge_method: linear', 'models', /./],
    [
      'a parameter of one model that is one for all',
      `merge_method: ties\nbase_model: c\n${ab('lambda: 0.5', 'lambda: 0.6')}`,
      'models.0.parameters.lambda',
      /whole configuration only/,
    ],
    [
      'a weight that one model lacks',
      `merge_method: linear\n${ab('weight: 1', '')}`,
      'models.1.parameters.weight',
      /missing/,
    ],
    [
      'not scaling up what dare keeps',
      `merge_method: dare_linear\nbase_model: c\nparameters: {rescale: false, density: 0.5}\n${ofModels}`,
      'parameters.rescale',
      /always scales the entries/,
    ],
    [
      'scaling up what ties keeps',
      `merge_method: ties\nbase_model: c\nparameters: {rescale: 1, density: 0.5}\n${ofModels}`,
      'parameters.rescale',
      /ties here never scales/,
    ],
    [
      'a weight that is no number',
      `merge_method: linear\n${ab('weight: .nan', 'weight: 1')}`,
      'models.0.parameters.weight',
      /finite number/,
    ],
    [
      'conditions that leave tensors without a value',
      'merge_method: slerp\nparameters: {t: [{filter: attn, value: 0}]}\nmodels: [{model: a}]',
      'parameters.t',
      /no filter fits/,
    ],
    [
      'conditions in different orders',
      `merge_method: linear\n${ab('weight: [{filter: u, value: 1}, {filter: v, value: 2}, {value: 0}]', 'weight: [{filter: v, value: 1}, {filter: u, value: 2}, {value: 0}]')}`,
      'models.1.parameters.weight',
      /other filters/,
    ],
    [
      'a filter that a glob would read otherwise',
      'merge_method: slerp\nparameters: {t: [{filter: "a*", value: 0}, {value: 1}]}\nmodels: [{model: a}]',
      'parameters.t',
      /literally/,
    ],
    [
      'normalize with conditions',
      'merge_method: linear\nparameters: {normalize: [{filter: a, value: 0}, {value: 1}]}\nmodels: [{model: a}]',
      'parameters.normalize',
      /depends on the tensor/,
    ],
  ])('is refused for %s, naming it', (_, yaml, field, message) => {
    expect(() => converted(yaml)).toThrow(
      expect.objectContaining({
        code: 'TUREEN_REQUEST_INVALID',
        errors: expect.arrayContaining([expect.objectContaining({ field, message: expect.stringMatching(message) })]),
      }),
    )
  })
})
