import ort from 'onnxruntime-node'
import { sessionOptions } from '../../src/evaluate/child/session.ts'
import { openDataset } from '../../src/evaluate/datasets/dataset.ts'
import { soupInMemory } from '../support/soup.ts'
import { membersOf, readDigits, subsets } from './digits.ts'

/**
 * What no search can do without, in a process of its own: for each soup, open it, run it over the samples, release it, in one
 * thread. Soups and batches are in memory before the clock starts, and what comes out is scored after it has stopped.
 *
 * arguments: DIRECTORY SHARE SHARES, for the subsets whose remainder by SHARES is SHARE. Says "ready", waits for any message,
 * and answers with {@link BareInference}.
 */
export type BareInference = { seconds: number; accuracies: [subset: number, accuracy: number][] }

/** As the service batches where nothing else is asked for. */
const batchSize = 64

const [directory = '', share, shares] = process.argv.slice(2)
const { models, validation } = await readDigits(directory)
const soups = subsets(models.length)
  .filter(subset => subset % Number(shares) === Number(share))
  .map(subset => {
    const members = membersOf(subset, models)
    const [only] = members
    const bytes =
      only && members.length === 1 ? only.bytes : soupInMemory(members.map(({ bytes }) => ({ bytes, weight: 1 })))
    return { subset, bytes }
  })
const batches = await readBatches(validation)

async function run(bytes: Uint8Array): Promise<unknown[]> {
  const session = await ort.InferenceSession.create(bytes, sessionOptions(1))
  const [input = ''] = session.inputNames
  const [output = ''] = session.outputNames
  const produced: unknown[] = []
  for (const { image } of batches) produced.push((await session.run({ [input]: image }, [output]))[output]?.data)
  await session.release()
  return produced
}

async function readBatches(path: string): Promise<{ image: ort.Tensor; labels: number[] }[]> {
  const dataset = await openDataset([{ name: 'val.npz', path: path }])
  const read: { image: ort.Tensor; labels: number[] }[] = []
  for await (const { values } of dataset.batches(['image', 'label'], batchSize)) {
    const image = values.get('image')
    const label = values.get('label')
    if (!(image?.data instanceof Float32Array) || !(label?.data instanceof BigInt64Array))
      throw new TypeError('images are float32, labels int64')
    // A batch's values are valid until the next one.
    read.push({
      image: new ort.Tensor('float32', Float32Array.from(image.data), image.dims),
      labels: Array.from(label.data, Number),
    })
  }
  await dataset.close()
  return read
}

function accuracyOf(produced: readonly unknown[]): number {
  let samples = 0
  let right = 0
  for (const [index, { labels }] of batches.entries()) {
    const scores = produced[index]
    if (!(scores instanceof Float32Array)) throw new TypeError('the outputs are float32')
    const classes = scores.length / labels.length
    for (const [sample, label] of labels.entries()) {
      const row = scores.subarray(sample * classes, (sample + 1) * classes)
      if (row.indexOf(Math.max(...row)) === label) right += 1
    }
    samples += labels.length
  }
  return right / samples
}

const [first] = soups
if (first) await run(first.bytes)
process.once('message', async () => {
  const outputs: unknown[][] = []
  const started = performance.now()
  for (const { bytes } of soups) outputs.push(await run(bytes))
  const seconds = (performance.now() - started) / 1000
  const accuracies = soups.map(({ subset }, index) => [subset, accuracyOf(outputs[index] ?? [])])
  process.send?.({ seconds, accuracies }, () => process.disconnect?.())
})
process.send?.('ready')
