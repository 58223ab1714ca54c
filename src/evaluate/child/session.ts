import ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import type { TensorValues } from '../../merge/rewrite-model.ts'
import { type ByteSource, memorySource, readBytes } from '../../onnx/byte-source.ts'
import type { GraphCut } from '../../onnx/graph/cut-graph.ts'
import { largestFile } from '../../onnx/model-limits.ts'
import { dtypeName } from '../../tensor/dtype.ts'
import { isNotExchanged } from '../element-kinds.ts'
import { notExchanged } from '../exchanged-values.ts'
import type { ModelContent } from './model-content.ts'

/** Changes to a model when it is opened. `values`: new elements of some tensors; `cut`: other outputs. */
export type ModelChange = { values?: TensorValues; cut?: GraphCut }

/**
 * Returns the options of a session. The arena is off: with it, the process sometimes aborts at the memory limit instead of reporting an
 * error.
 */
export function sessionOptions(threads: number): ort.InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: false,
    enableMemPattern: false,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  }
}

/**
 * Opens a model from memory. onnxruntime gets bytes and never a path, also for external data. The bytes may be overwritten afterwards. No
 * custom operator library is ever registered.
 *
 * @throws TureenError `TUREEN_EVALUATION_FAILED` with onnxruntime's reason
 */
export async function openSession(
  model: ModelContent,
  threads: number,
  change: ModelChange = {},
): Promise<ort.InferenceSession> {
  const { bytes, externalData } = await changed(model, change)
  return withReason('The model cannot be opened', () =>
    ort.InferenceSession.create(bytes, {
      ...sessionOptions(threads),
      ...(externalData.length > 0 ? { externalData } : {}),
    }),
  )
}

/**
 * Returns the bytes for onnxruntime. Below 2 GiB they include the external data: from separate buffers, onnxruntime takes only initializers
 * of the main graph, and looks for other tensors in the working directory. Most models need no rewriting, so its modules are imported only
 * when needed; they would take a third of an evaluator's start.
 */
async function changed(
  { bytes, data }: ModelContent,
  { values = new Map(), cut }: ModelChange,
): Promise<{ bytes: Uint8Array; externalData: { path: string; data: Uint8Array }[] }> {
  const total = [...data.values()].reduce((sum, { byteLength }) => sum + byteLength, bytes.byteLength)
  const inline = data.size > 0 && total < largestFile
  if (!inline && values.size === 0 && !cut) return { bytes, externalData: wholeFiles(data) }
  const files = { source: memorySource(bytes), data }
  const rewritten = async () => (await import('../../merge/rewrite-model.ts')).rewriteModel(files, values, inline)
  const { data: dataFiles, ...main } = inline || values.size > 0 ? await rewritten() : { ...files.source, data }
  return {
    bytes: cut ? (await import('../../onnx/graph/cut-graph.ts')).cutGraph(main, cut) : whole(main),
    externalData: wholeFiles(dataFiles),
  }
}

function wholeFiles(data: ReadonlyMap<string, ByteSource>): { path: string; data: Uint8Array }[] {
  return [...data].map(([location, file]) => ({ path: location, data: whole(file) }))
}

function whole(file: ByteSource): Uint8Array<ArrayBuffer> {
  return readBytes(file, 0, file.byteLength)
}

/** Runs a model. @throws TureenError `TUREEN_EVALUATION_FAILED` with the reason; `TUREEN_EVALUATION_MEMORY` */
export function runSession(
  session: ort.InferenceSession,
  feeds: Record<string, ort.Tensor>,
  outputs: readonly string[],
): Promise<ort.InferenceSession.OnnxValueMapType> {
  requireExchanged(session, outputs)
  return withReason('The model cannot be run', () => session.run(feeds, [...outputs]))
}

/** Refuses outputs that would end the process: the model file may declare no type for them. */
function requireExchanged({ outputMetadata }: ort.InferenceSession, outputs: readonly string[]): void {
  for (const value of outputMetadata) {
    if (!value.isTensor || !outputs.includes(value.name) || !isNotExchanged(value.type)) continue
    const message = notExchanged('output', value.name, value.type)
    throw new TureenError('TUREEN_EVALUATION_FAILED', `The model cannot be run: ${message}.`, [
      { tensor: value.name, expected: 'float32', actual: value.type, message },
    ])
  }
}

async function withReason<Value>(what: string, run: () => Promise<Value>): Promise<Value> {
  try {
    return await run()
  } catch (error) {
    throw failure(what, error instanceof Error ? error.message : String(error))
  }
}

/** Types that onnxruntime numbers otherwise than ONNX. */
const otherCodes = new Map([
  [24, 'uint2'],
  [25, 'int2'],
])

function failure(what: string, reason: string): TureenError {
  const code = Number(/Unsupported data type: (\d+)/.exec(reason)?.[1])
  if (code > 0) {
    const dtype = otherCodes.get(code) ?? dtypeName(code)
    const message = `an input or output of the model is ${dtype}, which onnxruntime-node cannot exchange with Node; add a Cast to float32 at the output, or from float32 at the input`
    return new TureenError('TUREEN_EVALUATION_FAILED', `${what}: ${message}. onnxruntime says: ${reason}`, [
      { expected: 'float32', actual: dtype, message },
    ])
  }
  if (/Non tensor type/.test(reason)) {
    const message =
      'an output is no tensor but a sequence or a map, as ZipMap makes; export the model without ZipMap (zipmap: false), or score another output'
    return new TureenError('TUREEN_EVALUATION_FAILED', `${what}: ${message}. onnxruntime says: ${reason}`, [
      { expected: 'a tensor', actual: 'a sequence or a map', message },
    ])
  }
  if (
    /bad_alloc|failed to allocate memory|bfcarena|out of memory|cannot allocate|array buffer allocation/i.test(reason)
  ) {
    return new TureenError(
      'TUREEN_EVALUATION_MEMORY',
      `${what} within the memory that an evaluation may take (TUREEN_EVAL_MEMORY): ${reason}`,
      [{ field: 'TUREEN_EVAL_MEMORY', actual: reason, message: `${what} within the memory of an evaluation` }],
    )
  }
  return new TureenError('TUREEN_EVALUATION_FAILED', `${what}; onnxruntime says: ${reason}`, [
    { actual: reason, message: what },
  ])
}
