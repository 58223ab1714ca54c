import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import ort from 'onnxruntime-node'
import { scoreCandidates } from '../scorers/scorer.ts'
import { readNpz } from './read-npz.ts'

/**
 * Scores candidates of a search over the digits by their accuracy: 1 for each image that is recognised, otherwise 0.
 *
 *     TUREEN_TOKEN=... npx node examples/digits/scorer.ts http://127.0.0.1:3000/v1/jobs/ID [SECONDS OF A LEASE]
 */
const [job = '', seconds = 60] = process.argv.slice(2)
const data = { selection: await readImages('val.npz'), test: await readImages('test.npz') }

async function readImages(name: string): Promise<{ images: ort.Tensor; labels: number[] }> {
  const arrays = readNpz(await readFile(fileURLToPath(new URL(name, import.meta.url))))
  const [image, label] = [arrays.get('image'), arrays.get('label')]
  if (!image || !label) throw new Error(`${name} has no arrays image and label`)
  const images = new ort.Tensor('float32', new Float32Array(image.data.buffer), image.shape)
  return { images, labels: Array.from(new BigInt64Array(label.data.buffer), Number) }
}

/** Returns the index of the highest number in each row. */
function argmax(values: Float32Array, columns: number): number[] {
  return Array.from({ length: values.length / columns }, (_, row) => {
    const scores = values.subarray(row * columns, (row + 1) * columns)
    return scores.indexOf(Math.max(...scores))
  })
}

await scoreCandidates(
  job,
  async (content, split) => {
    const { images, labels } = data[split]
    const session = await ort.InferenceSession.create(content, { intraOpNumThreads: 1 })
    const { logits } = await session.run({ image: images })
    await session.release()
    if (!(logits?.data instanceof Float32Array)) throw new Error('the model has no float32 output named logits')
    return argmax(logits.data, 10).map((digit, sample) => (digit === labels[sample] ? 1 : 0))
  },
  { token: process.env.TUREEN_TOKEN, seconds: Number(seconds) },
)
