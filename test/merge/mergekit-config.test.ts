import { describe, expect, it } from 'vitest'
import { ab, converted } from '../support/mergekit.ts'

describe('a configuration of mergekit', () => {
  it.each([
    [
      'weights of models',
      `merge_method: linear\n${ab('weight: 1', 'weight: 0.5')}`,
      {
        method: 'linear',
        models: [
          { id: 'a', weight: 1 },
          { id: 'b', weight: 0.5 },
        ],
      },
    ],
    [
      'a weight for all, which a model may override',
      `merge_method: linear\nparameters: {weight: 2}\n${ab('', 'weight: 3')}`,
      {
        method: 'linear',
        models: [
          { id: 'a', weight: 2 },
          { id: 'b', weight: 3 },
        ],
      },
    ],
    [
      'normalize, as a number too, and the type of the result',
      `merge_method: linear\ndtype: float16\nparameters: {normalize: 0.0}\nmodels: [{model: a}]`,
      { method: 'linear', models: [{ id: 'a' }], normalize: false, outputDtype: 'float16' },
    ],
    [
      'the type of the result, and not the one that mergekit computes in',
      'merge_method: linear\ndtype: float32\nout_dtype: bfloat16\nmodels: [{model: a}]',
      { method: 'linear', models: [{ id: 'a' }], outputDtype: 'bfloat16' },
    ],
    [
      'nothing of the masks of mergekit, which change no result',
      'merge_method: ties\nbase_model: c\nparameters: {int8_mask: true, density: 0.5}\nmodels: [{model: a}, {model: b, parameters: {int8_mask: false}}]',
      { method: 'ties', base: 'c', models: [{ id: 'a' }, { id: 'b' }], parameters: { density: 0.5 } },
    ],
    [
      'parameters of the method under their names here',
      'merge_method: karcher\nparameters: {max_iter: 5, tol: 1e-9}\nmodels: [{model: a}, {model: b}]',
      { method: 'karcher', models: [{ id: 'a' }, { id: 'b' }], parameters: { maxIter: 5, tol: 1e-9 } },
    ],
    [
      'a base among the models of a method that merges changes of it',
      `merge_method: ties\nbase_model: a\n${ab('', 'weight: 1, density: 0.5')}`,
      { method: 'ties', base: 'a', models: [{ id: 'b', weight: 1 }], parameters: { density: 0.5 } },
    ],
    [
      'the base as the first of a pair',
      'merge_method: slerp\nbase_model: b\nparameters: {t: 0.3}\nmodels: [{model: a}, {model: b}]',
      { method: 'slerp', base: 'b', models: [{ id: 'b' }, { id: 'a' }], parameters: { t: 0.3 } },
    ],
    [
      'the base of a mean, which counts as any other',
      'merge_method: linear\nbase_model: b\nmodels: [{model: a}, {model: b}]',
      { method: 'linear', base: 'b', models: [{ id: 'a' }, { id: 'b' }] },
    ],
    [
      'one density that is said of every model',
      `merge_method: ties\nbase_model: c\n${ab('density: 0.5', 'density: 0.5')}`,
      { method: 'ties', base: 'c', models: [{ id: 'a' }, { id: 'b' }], parameters: { density: 0.5 } },
    ],
    [
      'densities of models, along the layers and by filters too',
      `merge_method: ties
base_model: c
parameters: {normalize: true}
models:
  - model: a
    parameters: {density: [1, 0.7, 0.1], weight: 1.0}
  - model: b
    parameters: {density: 0.5, weight: [0, 0.3, 0.7, 1]}
  - model: d
    parameters:
      density: [{filter: mlp, value: 0.2}, {value: 0.33}]
      weight: [{filter: mlp, value: 0.5}, {value: 0}]`,
      {
        method: 'ties',
        base: 'c',
        normalize: true,
        models: [
          { id: 'a', weight: 1 },
          { id: 'b', weight: { gradient: [0, 0.3, 0.7, 1], by: 'block' } },
          { id: 'd', weight: 0 },
        ],
        parameters: { density: [{ gradient: [1, 0.7, 0.1], by: 'block' }, 0.5, 0.33] },
        rules: [
          {
            match: '*mlp*',
            weights: [1, { gradient: [0, 0.3, 0.7, 1], by: 'block' }, 0.5],
            parameters: { density: [{ gradient: [1, 0.7, 0.1], by: 'block' }, 0.5, 0.2] },
          },
        ],
      },
    ],
    [
      'epsilon and gamma of models where the method has them',
      `merge_method: della\nbase_model: c\n${ab('density: 0.5, epsilon: 0.1', 'density: 0.5, epsilon: 0.2')}`,
      {
        method: 'della',
        base: 'c',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { density: 0.5, epsilon: [0.1, 0.2] },
        notes: [expect.stringMatching(/L1.*della divides each entry/)],
      },
    ],
    [
      'nothing where there is nothing but a key',
      'merge_method: linear\nbase_model:\nparameters:\ndtype:\nmodels:\n  - model: a\n    parameters:\n  - model: b',
      { method: 'linear', models: [{ id: 'a' }, { id: 'b' }] },
    ],
    [
      'what models have from each other by anchors, aliases and <<',
      `merge_method: ties
base_model: c
models:
  - model: a
    parameters: &common {weight: 1, density: 0.5}
  - {model: b, parameters: *common}
  - model: d
    parameters:
      <<: [{density: 0.25}, *common]
      weight: 3`,
      {
        method: 'ties',
        base: 'c',
        models: [
          { id: 'a', weight: 1 },
          { id: 'b', weight: 1 },
          { id: 'd', weight: 3 },
        ],
        parameters: { density: [0.5, 0.5, 0.25] },
      },
    ],
    [
      'the base as the first of a pair that names it nowhere else',
      'merge_method: nearswap\nbase_model: b\nparameters: {t: 0.3}\nmodels: [{model: a}]',
      { method: 'nearswap', base: 'b', models: [{ id: 'b' }, { id: 'a' }], parameters: { t: 0.3 } },
    ],
    [
      'the rescaling of dare, which is to the sum of magnitudes unless the configuration says otherwise',
      `merge_method: dare_ties\nbase_model: c\n${ab('density: 0.5', 'density: 0.5')}`,
      {
        method: 'dare_ties',
        base: 'c',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { density: 0.5, rescale: 'l1' },
      },
    ],
    [
      'vectors of nuslerp along the first axis',
      `merge_method: nuslerp\nparameters: {nuslerp_flatten: off, nuslerp_row_wise: yes}\n${ab('weight: 1', 'weight: 2')}`,
      {
        method: 'nuslerp',
        models: [
          { id: 'a', weight: 1 },
          { id: 'b', weight: 2 },
        ],
        parameters: { along: 'first' },
      },
    ],
    [
      'whether weights are normalized, as multislerp calls it',
      `merge_method: multislerp\nparameters: {normalize_weights: false}\n${ab('weight: 1', 'weight: 2')}`,
      {
        method: 'multislerp',
        models: [
          { id: 'a', weight: 1 },
          { id: 'b', weight: 2 },
        ],
        normalize: false,
      },
    ],
    [
      'a method that is not there as it is, to be refused for that',
      `merge_method: magic\n${ab('strength: 1', 'strength: 2')}`,
      { method: 'magic', models: [{ id: 'a' }, { id: 'b' }] },
    ],
    [
      'vectors of nuslerp along the last axis',
      `merge_method: nuslerp\nparameters: {nuslerp_flatten: 0}\n${ab('', '')}`,
      { method: 'nuslerp', models: [{ id: 'a' }, { id: 'b' }], parameters: { along: 'last' } },
    ],
    [
      'whole tensors of nuslerp where rows are asked for and flattened',
      `merge_method: nuslerp\nparameters: {nuslerp_row_wise: true}\n${ab('', '')}`,
      { method: 'nuslerp', models: [{ id: 'a' }, { id: 'b' }], notes: [expect.stringMatching(/nuslerp_row_wise/)] },
    ],
    [
      'the density of all models where none has one',
      `merge_method: breadcrumbs\nbase_model: c\n${ab('', '')}`,
      { method: 'breadcrumbs', base: 'c', models: [{ id: 'a' }, { id: 'b' }], parameters: { density: 1 } },
    ],
    [
      'the density and gamma of a model that has none',
      `merge_method: breadcrumbs\nbase_model: c\n${ab('density: 0.5', 'gamma: 0.1')}`,
      {
        method: 'breadcrumbs',
        base: 'c',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { density: [0.5, 1], gamma: [0.01, 0.1] },
        notes: [expect.stringMatching(/less than one element/)],
      },
    ],
    [
      'no epsilon of della where every change is kept, for one model or some tensors too',
      `merge_method: della\nbase_model: c\nparameters: {epsilon: 0.2}\n${ab('density: 1', 'density: [{filter: q, value: 1.0}, {value: 0.5}]')}`,
      {
        method: 'della',
        base: 'c',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { density: [1, 0.5], epsilon: [0, 0.2] },
        rules: [{ match: '*q*', parameters: { density: [1, 1], epsilon: [0, 0] } }],
        notes: [expect.stringMatching(/L1/)],
      },
    ],
    [
      'rescaling that changes nothing where every change is kept',
      `merge_method: dare_linear\nbase_model: c\nparameters: {rescale: false}\n${ab('', '')}`,
      { method: 'dare_linear', base: 'c', models: [{ id: 'a' }, { id: 'b' }], parameters: { density: 1 } },
    ],
    [
      'an unlisted base of a method that merges all models as one more',
      `merge_method: linear\nbase_model: c\nparameters: {weight: 2}\n${ab('weight: 1', '')}`,
      {
        method: 'linear',
        base: 'c',
        models: [
          { id: 'a', weight: 1 },
          { id: 'b', weight: 2 },
          { id: 'c', weight: 2 },
        ],
        notes: [expect.stringMatching(/base_model .*one more model/)],
      },
    ],
    [
      'karcher without weights, which mergekit does not use',
      `merge_method: karcher\n${ab('weight: 1', 'weight: 3')}`,
      { method: 'karcher', models: [{ id: 'a' }, { id: 'b' }], notes: [expect.stringMatching(/^weight .*karcher/)] },
    ],
    [
      'model_stock that takes tensors as a whole',
      `merge_method: model_stock\nbase_model: c\nparameters: {filter_wise: no}\n${ab('', '')}`,
      { method: 'model_stock', base: 'c', models: [{ id: 'a' }, { id: 'b' }] },
    ],
    [
      'one slice of whole models as these models',
      `merge_method: slerp
base_model: a
slices:
  - sources:
      - {model: a, layer_range: [0, "4"]}
      - {model: b, layer_range: [0, 4]}
    parameters: {t: [0, 1]}
parameters: {t: 0.5}`,
      {
        method: 'slerp',
        base: 'a',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { t: { gradient: [0, 1], by: 'block' } },
        blocks: 4,
      },
    ],
    [
      'numbers in quotes and in scientific notation, octal ones, and words for truth values',
      `merge_method: ties\nbase_model: c\nparameters: {normalize: off, lambda: 5e-1}\n${ab('weight: "0.25", density: "1e-1"', 'weight: 010, density: yes')}`,
      {
        method: 'ties',
        base: 'c',
        models: [
          { id: 'a', weight: 0.25 },
          { id: 'b', weight: 8 },
        ],
        normalize: false,
        parameters: { density: [0.1, 1], lambda: 0.5 },
      },
    ],
    [
      'tokenizers and templates as notes',
      `merge_method: linear\ntokenizer_source: union\nchat_template: chatml\ndtype: torch.float16\n${ab('', '')}`,
      {
        method: 'linear',
        models: [{ id: 'a' }, { id: 'b' }],
        outputDtype: 'float16',
        notes: [expect.stringMatching(/^tokenizer_source /), expect.stringMatching(/^chat_template /)],
      },
    ],
    [
      'conditions of a model before those of all models, and the default where none fits',
      `merge_method: ties\nbase_model: c\nparameters: {density: [{filter: v, value: 0.3}]}\nmodels: [{model: a, parameters: {density: [{filter: u, value: 0.2}]}}]`,
      {
        method: 'ties',
        base: 'c',
        models: [{ id: 'a' }],
        parameters: { density: 1 },
        rules: [
          { match: '*u*', parameters: { density: 0.2 } },
          { match: '*v*', parameters: { density: 0.3 } },
        ],
      },
    ],
    [
      'a gradient',
      'merge_method: slerp\nparameters: {t: [0, 0.5, 1]}\nmodels: [{model: a}, {model: b}]',
      {
        method: 'slerp',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { t: { gradient: [0, 0.5, 1], by: 'block' } },
      },
    ],
    [
      'conditions on names as rules, the first that fits before the others',
      'merge_method: slerp\nparameters: {t: [{filter: attn, value: 0}, {filter: mlp, value: [0, 1]}, {value: 0.5}]}\nmodels: [{model: a}, {model: b}]',
      {
        method: 'slerp',
        models: [{ id: 'a' }, { id: 'b' }],
        parameters: { t: 0.5 },
        rules: [
          { match: '*attn*', parameters: { t: 0 } },
          { match: '*mlp*', parameters: { t: { gradient: [0, 1], by: 'block' } } },
        ],
      },
    ],
    [
      'conditions on weights, beside a model without',
      `merge_method: linear\n${ab('weight: [{filter: conv, value: 1}, {value: 0}]', 'weight: 2')}`,
      {
        method: 'linear',
        models: [
          { id: 'a', weight: 0 },
          { id: 'b', weight: 2 },
        ],
        rules: [{ match: '*conv*', weights: [1, 2] }],
      },
    ],
    [
      'conditions that fall back to the value for all',
      'merge_method: linear\nparameters: {weight: 3}\nmodels: [{model: a, parameters: {weight: [{filter: conv, value: 1}]}}]',
      { method: 'linear', models: [{ id: 'a', weight: 3 }], rules: [{ match: '*conv*', weights: [1] }] },
    ],
  ])('says %s', (_, yaml, request) => {
    expect(converted(yaml)).toEqual(request)
  })
})
