import ort from 'onnxruntime-node'

// Sessions log nothing. At its start onnxruntime looks for graphics processors besides, and would warn where it may not see them.
ort.env.logLevel = 'fatal'

/** y = x for x of float32 [1], opset 13, as bytes: the module that encodes models would take a sixth of an evaluator's start. */
const identity = 'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBd1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0='

/** Runs y = x once, so that onnxruntime and its kernels are loaded before the first task. */
export async function warmUp(): Promise<void> {
  const session = await ort.InferenceSession.create(Uint8Array.from(Buffer.from(identity, 'base64')), {
    intraOpNumThreads: 1,
  })
  await session.run({ x: new ort.Tensor('float32', new Float32Array(1), [1]) })
  await session.release()
}
