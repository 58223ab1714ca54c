import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { readNpz } from '../../examples/digits/read-npz.ts'
import { runNumpy } from '../support/numpy-python.ts'
import { projectFile, projectRoot } from '../support/server.ts'

const example = join(projectRoot, 'examples/detection')

test('the network in NumPy computes what onnxruntime computes', async () => {
  const script = join(projectRoot, 'test/examples/network_outputs.py')
  const parameters = [join(example, 'ft1.onnx'), join(example, 'test.npz')]
  const found = z.array(z.number()).parse(await runNumpy(script, parameters, {}))
  const picture = readNpz(await projectFile('examples/detection/test.npz')).get('picture')
  const [count = 0, height = 0, width = 0] = picture?.shape ?? []
  const pixels = Float32Array.from(picture?.data ?? [], value => value / 255)
  const session = await ort.InferenceSession.create(join(example, 'ft1.onnx'))
  const { cells } = await session.run({ image: new ort.Tensor('float32', pixels, [count, 1, height, width]) })
  await session.release()
  const expected = z.instanceof(Float32Array).parse(cells?.data)
  expect(found).toHaveLength(expected.length)
  expect(Math.max(...expected.map((value, index) => Math.abs(value - (found[index] ?? Number.NaN))))).toBeLessThan(1e-4)
})

test('the README tells the mAP of the base and of the best model', async () => {
  const readme = String(await projectFile('examples/detection/README.md'))
  const rows = [...readme.matchAll(/^\| `(base|ft\d)`.* \| ([\d.]+) \| ([\d.]+) \|$/gm)]
  expect(rows).toHaveLength(7)
  for (const [, name = '', ...told] of rows.filter(([, each]) => each === 'base' || each === 'ft4'))
    for (const [index, split] of ['selection', 'test'].entries()) {
      const parameters = [join(example, `${name}.onnx`), split]
      const map = z.number().parse(await runNumpy(join(example, 'detection.py'), parameters, {}))
      expect(map.toFixed(3), `${name} on ${split}`).toBe(told[index])
    }
})
