import { expect, test } from 'vitest'
import { compileKernel } from '../kernel/compile.ts'
import { kernelBinary } from '../src/tensor/kernel-binary.ts'

test('the compiled kernel in the tree is what its source gives', async () => {
  expect(Buffer.from(await compileKernel()).toString('base64')).toBe(kernelBinary)
})
