import type ort from 'onnxruntime-node'

/** As src/evaluate/child/session.ts opens models, with TUREEN_EVAL_THREADS=1. */
export const sessionOptions: ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
}
