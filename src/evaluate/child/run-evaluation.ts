import type ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import type { ArrayValues, Dataset } from '../datasets/dataset.ts'
import type { EvaluationOutcome, EvaluationTask } from '../protocol.ts'
import { type Scorer, startScorers } from './scorers.ts'
import { openSession, runSession } from './session.ts'
import { inputTensor, numbersOf } from './tensors.ts'

/**
 * Runs a model over a data set and scores its outputs, in memory that does not depend on the size of the set.
 * @throws TureenError with the reason, if the model cannot be opened, fed, run or scored
 */
export async function runEvaluation(
  task: EvaluationTask,
  dataset: Dataset,
  onProgress: (done: number, total: number) => void,
): Promise<EvaluationOutcome> {
  const started = performance.now()
  const { binding, limit, threads } = task
  const session = await openSession(task.modelPath, threads)
  const scorers = await startScorers(task.metrics, threads)
  const total = Math.min(limit ?? Number.POSITIVE_INFINITY, dataset.description.samples)
  const comparisons =
    binding.references.length > 0 ? binding.references : [{ output: binding.output, array: binding.target }]
  const outputs = comparisons.flatMap(({ output }) => output ?? [])
  const arrays = [
    ...new Set([...binding.inputs.map(({ array }) => array), ...comparisons.flatMap(({ array }) => array ?? [])]),
  ]
  const latencies: number[] = []
  let samples = 0
  for await (const batch of dataset.batches(arrays, binding.batchSize, total)) {
    const { values } = batch
    const padTo = binding.fixed ? binding.batchSize : 0
    const feeds = Object.fromEntries(
      binding.inputs.map(input => [input.input, inputTensor(arrayOf(values, input.array), input, padTo)]),
    )
    const before = performance.now()
    const results = await runSession(session, feeds, outputs)
    latencies.push(performance.now() - before)
    for (const { output, array } of comparisons) {
      const produced = withBatchAxis(
        outputOf(results, output ?? outputs[0] ?? ''),
        binding.inputs.some(({ feeding }) => feeding === 'sample'),
      )
      const target = array === null ? undefined : arrayOf(values, array)
      const whole = binding.references.length > 0
      await score(
        scorers,
        whole ? asOneSample(produced) : produced,
        target && whole ? asOneSample(target) : target,
        whole ? 1 : batch.samples,
      )
    }
    samples += batch.samples
    onProgress(samples, total)
  }
  await session.release()
  const metrics = await Promise.all(scorers.map(({ finish }) => finish()))
  return { metrics, samples, seconds: (performance.now() - started) / 1000, latency: summarise(latencies) }
}

type Produced = Pick<ArrayValues, 'dims' | 'dtype'> & { data: unknown }

async function score(
  scorers: readonly Scorer[],
  output: Produced,
  target: ArrayValues | undefined,
  samples: number,
): Promise<void> {
  if ((output.dims[0] ?? 0) < samples) {
    const message = `the output is [${output.dims.join(', ')}] for ${samples} samples: its first axis is not the batch`
    throw new TureenError('TUREEN_METRIC_MISMATCH', `Outputs cannot be told apart by sample: ${message}.`, [
      { field: 'output', message },
    ])
  }
  const outputNumbers = numbersOf(output.data, output.dtype, output.dims, samples)
  const targetNumbers = target && numbersOf(target.data, target.dtype, target.dims, samples)
  for (const scorer of scorers) await scorer.add({ output: outputNumbers, target: targetNumbers }, samples)
}

function outputOf(results: ort.InferenceSession.OnnxValueMapType, name: string): Produced {
  const value = results[name]
  if (value === undefined || !('data' in value)) {
    throw new TureenError('TUREEN_METRIC_MISMATCH', `The output ${name} is not a tensor and cannot be scored.`)
  }
  return { dims: [...value.dims], dtype: value.type, data: value.data }
}

function withBatchAxis(output: Produced, missing: boolean): Produced {
  return missing ? { ...output, dims: [1, ...output.dims] } : output
}

/** A whole tensor of ONNX's test data, compared as one sample. */
function asOneSample<Value extends { dims: number[] }>(value: Value): Value {
  return { ...value, dims: [1, ...value.dims] }
}

function arrayOf(values: ReadonlyMap<string, ArrayValues>, name: string): ArrayValues {
  const array = values.get(name)
  if (!array) throw new RangeError(`the batch has no array ${name}`)
  return array
}

/** The first run warms caches and is left out where there are others. */
function summarise(latencies: readonly number[]): { median: number; p95: number } {
  const sorted = (latencies.length > 1 ? latencies.slice(1) : [...latencies]).sort((a, b) => a - b)
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
  return { median: quantile(0.5), p95: quantile(0.95) }
}
