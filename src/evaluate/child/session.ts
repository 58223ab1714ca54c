import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import ort from 'onnxruntime-node'
import { TureenError } from '../../errors.ts'
import { ModelProto } from '../../onnx/onnx-proto.ts'
import type { ModelPaths } from '../../storage/model-paths.ts'

/**
 * Opens a model from memory: onnxruntime gets bytes and no path, of its data files too. The arena is off, so that memory beyond the limit is an
 * ordinary error (with the arena on, the process sometimes aborts), and no library is ever registered.
 *
 * @throws TureenError `TUREEN_EVALUATION_FAILED` with onnxruntime's reason
 */
export async function openSession({ path, data }: ModelPaths, threads: number): Promise<ort.InferenceSession> {
  const bytes = readWhole(path)
  const externalData = data.map(({ location, path: file }) => ({ path: location, data: readWhole(file) }))
  return withReason('The model cannot be opened', () =>
    ort.InferenceSession.create(bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      enableCpuMemArena: false,
      enableMemPattern: false,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      ...(externalData.length > 0 ? { externalData } : {}),
    }),
  )
}

/** Node reads no file of 2 GiB or more at once. */
const readBytes = 1 << 30

/** The process has nothing else to do meanwhile, and small files come faster so. */
function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const bytes = new Uint8Array(size)
    for (let done = 0; done < size; ) {
      const count = readSync(file, bytes, done, Math.min(readBytes, size - done), done)
      if (count === 0) throw new RangeError(`${path} ends at ${done}`)
      done += count
    }
    return bytes
  } finally {
    closeSync(file)
  }
}

export function runSession(
  session: ort.InferenceSession,
  feeds: Record<string, ort.Tensor>,
  outputs: readonly string[],
): Promise<ort.InferenceSession.OnnxValueMapType> {
  return withReason('The model cannot be run', () => session.run(feeds, [...outputs]))
}

/** Runs y = x once: the library and its kernels are loaded when the first evaluation comes. */
export async function warmUp(): Promise<void> {
  const value = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }] } } } })
  const graph = {
    name: 'warm-up',
    node: [{ opType: 'Identity', input: ['x'], output: ['y'] }],
    input: [value('x')],
    output: [value('y')],
  }
  const bytes = ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph }).finish()
  const session = await ort.InferenceSession.create(Uint8Array.from(bytes))
  await session.run({ x: new ort.Tensor('float32', new Float32Array(1), [1]) })
  await session.release()
}

async function withReason<Value>(what: string, run: () => Promise<Value>): Promise<Value> {
  try {
    return await run()
  } catch (error) {
    throw failure(what, error instanceof Error ? error.message : String(error))
  }
}

function failure(what: string, reason: string): TureenError {
  if (
    /bad_alloc|failed to allocate memory|bfcarena|out of memory|cannot allocate|array buffer allocation/i.test(reason)
  ) {
    return new TureenError(
      'TUREEN_EVALUATION_MEMORY',
      `${what} within the memory that an evaluation may take (TUREEN_EVAL_MEMORY): ${reason}`,
    )
  }
  return new TureenError('TUREEN_EVALUATION_FAILED', `${what}; onnxruntime says: ${reason}`)
}
