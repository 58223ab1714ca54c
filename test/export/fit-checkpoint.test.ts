import { expect, test } from 'vitest'
import type { CheckpointTensor } from '../../src/export/correspondence.ts'
import { fitCheckpoint } from '../../src/export/fit-checkpoint.ts'

const used = ['conv.weight', 'norm.weight', 'norm.bias'].map(key => tensor(key))

function tensor(key: string, dims = [4], dtype = 'float32'): CheckpointTensor {
  return { key, dtype, dims }
}

/** Returns the used tensors with another prefix. */
function prefixed(prefix: string): CheckpointTensor[] {
  return used.map(each => ({ ...each, key: prefix + each.key }))
}

test('a checkpoint with the same tensors fits, whatever else it has', () => {
  const fit = fitCheckpoint({ used }, [...used, tensor('head.weight'), ...prefixed('ema.')])
  expect(fit).toEqual({ prefix: { drop: '', add: '' }, causes: [] })
})

test.each(['module.', '_orig_mod.', 'model.net.'])('one prefix %s for all keys fits', prefix => {
  expect(fitCheckpoint({ used }, prefixed(prefix))).toEqual({ prefix: { drop: '', add: prefix }, causes: [] })
  const other = fitCheckpoint({ used: prefixed(prefix) }, used)
  expect(other).toEqual({ prefix: { drop: prefix, add: '' }, causes: [] })
})

test('each tensor that is missing or has another form is named', () => {
  const { causes } = fitCheckpoint({ used }, [tensor('conv.weight', [8]), tensor('norm.weight', [4], 'float16')])
  expect(causes).toEqual([
    {
      tensor: 'conv.weight',
      expected: 'float32[4]',
      actual: 'float32[8]',
      message: 'has conv.weight as float32[8], not float32[4]',
    },
    {
      tensor: 'norm.weight',
      expected: 'float32[4]',
      actual: 'float16[4]',
      message: 'has norm.weight as float16[4], not float32[4]',
    },
    { tensor: 'norm.bias', expected: 'float32[4]', message: 'lacks the tensor norm.bias' },
  ])
})

test('tensors under several prefixes leave a choice, which is refused', () => {
  const { causes } = fitCheckpoint({ used }, [...prefixed('model.'), ...prefixed('ema.')])
  expect(causes).toMatchObject([{ expected: 'one prefix for all keys', actual: 'model., ema.' }])
})

test('two prefixes that each have some of the tensors do not fit', () => {
  const others = prefixed('model.').filter(({ key }) => key !== 'model.conv.weight')
  const { causes } = fitCheckpoint({ used }, [tensor('ema.conv.weight'), ...others])
  expect(causes).toMatchObject([{ tensor: 'model.conv.weight' }])
})
