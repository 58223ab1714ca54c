import type ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import { memorySource } from '../../onnx/byte-source.ts'
import { type BatchNorm, type BatchNorms, requireBatchNorms } from '../../onnx/graph/batch-norms.ts'
import { cutOutput } from '../../onnx/graph/cut-graph.ts'
import { producersOf, reachedFrom } from '../../onnx/graph/reach.ts'
import type { NodeProto } from '../../onnx/onnx-proto.ts'
import { readLayout } from '../../onnx/read-layout.ts'
import { decodeSkeleton } from '../../onnx/skeleton.ts'
import type { Binding } from '../binding.ts'
import { ChannelMoments } from '../channel-moments.ts'
import type { Dataset } from '../datasets/dataset.ts'
import type { CalibrationTask, MeasuredLayer, Measurement } from '../protocol.ts'
import { feedsOf } from './feeds.ts'
import type { ModelContent } from './model-content.ts'
import type { OpenDataset } from './open-datasets.ts'
import { openSession, runSession } from './session.ts'
import { encodeStatistics, movement, statisticsOf } from './statistics.ts'
import { numbersOf } from './tensors.ts'

/** Intra-op threads. Sums inside onnxruntime depend on their number, and the same recipe must give the same bytes on every server. */
const threads = 1

/**
 * Measures the running statistics of a model's batch norms: mean and population variance of each channel of their inputs, over all
 * samples. Later batch norms see the new statistics of the earlier ones. So the samples run once for each level of batch norms, through the
 * part of the model before that level. It processes activations batch by batch and does not keep them.
 *
 * @throws TureenError `TUREEN_RECALIBRATION_IMPOSSIBLE` if no batch norm can be measured; further codes as an evaluation does
 */
export async function measureBatchNorms(
  model: ModelContent,
  calibration: CalibrationTask,
  open: OpenDataset,
  onProgress: (done: number, total: number) => void,
): Promise<Measurement> {
  const { measurable, left, nodes } = readBatchNorms(model)
  const dataset = await open(calibration.dataset)
  const passes = measurable.reduce((most, { level }) => Math.max(most, level), 0)
  const producers = producersOf(nodes)
  const values = new Map<string, Uint8Array<ArrayBuffer>>()
  const layers = new Map<BatchNorm, MeasuredLayer>()
  let samples = 0
  for (let level = 1; level <= passes; level += 1) {
    const norms = measurable.filter(norm => norm.level === level)
    const inputs = norms.map(({ input }) => input)
    const kept = reachedFrom(inputs, nodes, producers)
    const session = await openSession(model, threads, { values, cut: { nodes: new Set(kept), values: inputs } })
    const total = samplesOf(calibration, dataset)
    const onSamples = (done: number) => onProgress((level - 1) * total + done, passes * total)
    const measured = await runMoments(session, norms, calibration, dataset, onSamples)
    await session.release()
    samples = measured.samples
    for (const [index, norm] of norms.entries()) {
      const moments = measured.moments[index]
      if (!moments) throw new RangeError('a batch norm without moments')
      layers.set(norm, movement(norm, statisticsOf(model, norm), moments))
      for (const [path, bytes] of encodeStatistics(norm, moments)) values.set(path, bytes)
    }
  }
  return { samples, passes, layers: measurable.flatMap(norm => layers.get(norm) ?? []), left, values }
}

function readBatchNorms({ bytes }: ModelContent): BatchNorms & { nodes: readonly NodeProto[] } {
  const layout = readLayout(memorySource(bytes))
  const model = decodeSkeleton(layout)
  return { ...requireBatchNorms(layout, model), nodes: model.graph?.node ?? [] }
}

/**
 * Returns the number of samples to measure on. With a fixed batch size it leaves out an incomplete last batch, whose padding would count.
 */
function samplesOf({ binding, limit }: CalibrationTask, dataset: Dataset): number {
  const all = Math.min(limit ?? Number.POSITIVE_INFINITY, dataset.samplesOf(arraysOf(binding)))
  return binding.fixed ? all - (all % binding.batchSize) : all
}

function arraysOf({ inputs }: Binding): string[] {
  return [...new Set(inputs.map(({ array }) => array))]
}

async function runMoments(
  session: ort.InferenceSession,
  norms: readonly BatchNorm[],
  calibration: CalibrationTask,
  dataset: Dataset,
  onSamples: (done: number) => void,
): Promise<{ moments: ChannelMoments[]; samples: number }> {
  const { binding } = calibration
  const moments = norms.map(({ mean }) => new ChannelMoments(mean.elements))
  const arrays = arraysOf(binding)
  const outputs = norms.map((_, index) => cutOutput(index))
  let samples = 0
  for await (const batch of dataset.batches(arrays, binding.batchSize, samplesOf(calibration, dataset))) {
    const results = await runSession(session, feedsOf(batch, binding, session), outputs)
    for (const [index, norm] of norms.entries()) addBatch(moments[index], norm, results[outputs[index] ?? ''])
    samples += batch.samples
    onSamples(samples)
  }
  if (samples === 0) throw tooFew(calibration, dataset)
  return { moments, samples }
}

function addBatch(
  moments: ChannelMoments | undefined,
  { node, mean }: BatchNorm,
  value: ort.OnnxValue | undefined,
): void {
  if (!moments || value === undefined || !('data' in value)) throw new RangeError('an output that is no tensor')
  const [rows = 0, channels = 1, ...rest] = value.dims
  if (channels !== mean.elements) {
    const message = `what enters it is [${value.dims.join(', ')}], and its statistics have ${mean.elements} channels`
    throw new TureenError('TUREEN_EVALUATION_FAILED', `The batch norm ${node} cannot be measured: ${message}.`, [
      {
        node,
        expected: `${mean.elements} channels`,
        actual: `[${value.dims.join(', ')}]`,
        message,
      },
    ])
  }
  const inner = rest.reduce((product, dim) => product * dim, 1)
  moments.add(numbersOf(value.data, value.type, value.dims, rows).data, rows, inner)
}

function tooFew({ binding }: CalibrationTask, dataset: Dataset): TureenError {
  const samples = dataset.samplesOf(arraysOf(binding))
  const message = `the model takes ${binding.batchSize} samples at a time, no other number, and there are ${samples}`
  return new TureenError('TUREEN_DATASET_MISMATCH', `There is nothing to measure on: ${message}.`, [
    {
      field: 'recalibrate.dataset',
      expected: `${binding.batchSize} samples`,
      actual: `${samples} samples`,
      message,
    },
  ])
}
