import { readFileSync } from 'node:fs'
import ort from 'onnxruntime-node'
import { sessionOptions } from '../../src/evaluate/child/session.ts'
import { openDataset } from '../../src/evaluate/datasets/dataset.ts'

/**
 * What scoring one candidate cannot do without, in a process of its own: a session of a model in memory, and its runs over the samples.
 * arguments: MODEL SAMPLES. Prints the seconds.
 */
const [model = '', samples = ''] = process.argv.slice(2)
const bytes = readFileSync(model)
const dataset = await openDataset([{ name: 'samples.npz', path: samples }])
const batches: ort.Tensor[] = []
for await (const { values } of dataset.batches(['image'], 64)) {
  const image = values.get('image')
  if (!(image?.data instanceof Float32Array)) throw new TypeError('images are float32')
  batches.push(new ort.Tensor('float32', Float32Array.from(image.data), image.dims))
}
const started = performance.now()
const session = await ort.InferenceSession.create(bytes, sessionOptions(1))
for (const image of batches) await session.run({ image }, ['logits'])
await session.release()
process.stdout.write(String((performance.now() - started) / 1000))
