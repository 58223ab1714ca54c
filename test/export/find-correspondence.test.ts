import { describe, expect, test } from 'vitest'
import { findCorrespondence } from '../../src/export/find-correspondence.ts'
import { derivedWeights, exportedFile, ownWeights } from '../support/exports.ts'

/** Networks of test/fixtures/exports of which every weight is found. */
const networks = [
  'unfolded',
  'folded',
  'fused',
  'half',
  'upward',
  'odd',
  'exact',
  'tied',
  'cross',
  'encoder',
  'recurrent',
  'joined',
  'scaled',
  'window',
]

describe.each(networks)('the export of %s', network => {
  const correspondence = findCorrespondence(exportedFile(`${network}-0.onnx`), exportedFile(`${network}-0.safetensors`))

  test('has no weight that is left over or ambiguous', () => {
    expect(correspondence).toMatchObject({ unmatched: [], ambiguous: [], prefix: { drop: '', add: '' } })
  })

  test.each([0, 1, 2])('gives the weights that PyTorch exports of checkpoint %i', step => {
    const truth = ownWeights(exportedFile(`${network}-${step}.onnx`))
    const numbers = new Set(correspondence.numbers.map(({ tensor }) => tensor))
    const weights = Object.entries(truth).filter(([name]) => !numbers.has(name))
    const derived = derivedWeights(correspondence, exportedFile(`${network}-${step}.safetensors`))
    if (step > 0 || correspondence.shared.length === 0) expect(derived).toEqual(Object.fromEntries(weights))
    else expect(derived).toMatchObject(Object.fromEntries(weights))
  })
})

test('weights that an exporter merged get apart again, each under the name of its Identity', () => {
  const { shared } = findCorrespondence(exportedFile('encoder-0.onnx'), exportedFile('encoder-0.safetensors'))
  const bias = shared.find(({ tensor }) => tensor === 'layers.layers.0.linear1.bias')
  expect(bias?.others).toEqual([
    {
      output: 'layers.layers.1.linear1.bias',
      derivation: { op: 'tensor', key: 'layers.layers.1.linear1.bias' },
    },
  ])
  expect(shared.flatMap(({ others }) => others)).toHaveLength(15)
})
