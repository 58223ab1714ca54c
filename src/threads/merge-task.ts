import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { MergeSettings } from '../merge/merge-input.ts'
import { planSource } from '../merge/plan-source.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { checkedPlan, closeInputs, type MergeFile, type OpenInput, openInputs } from './merge-inputs.ts'

/** What is written at a time; progress is reported as often. */
const windowBytes = 1 << 20

export type MergeReport = {
  tensors: { averaged: number; copied: number; nonFloat: number }
  nonFinite: number
  bytesRead: number
  bytesWritten: number
}

export type MergedFile = { sha256: string; bytes: number; report: MergeReport }

/** Whether the models can be averaged, nothing written. @throws TureenError as {@link checkedPlan} does */
export function checkMergeFiles(files: readonly MergeFile[], settings: MergeSettings): void {
  withInputs(files, inputs => void checkedPlan(inputs, settings))
}

/**
 * Merges files into a new one at `output`, in windows of constant size, hashed as they are written.
 * @param durable whether the file is flushed to the disk before this returns
 * @param onProgress called before the first and after every window, with bytes done and in all; what it throws ends the merge
 */
export function mergeFiles(
  files: readonly MergeFile[],
  settings: MergeSettings,
  output: string,
  durable: boolean,
  onProgress: (done: number, total: number) => void,
): MergedFile {
  return withInputs(files, inputs => {
    const plan = checkedPlan(inputs, settings)
    const merged = planSource(plan, inputs)
    const hash = createHash('sha256')
    onProgress(0, merged.byteLength)
    writeSource(merged, output, durable, (bytes, done) => {
      hash.update(bytes)
      onProgress(done, merged.byteLength)
    })
    const { averaged, identical, nonFinite } = merged.report()
    return {
      sha256: `sha256:${hash.digest('hex')}`,
      bytes: merged.byteLength,
      report: {
        tensors: { averaged, copied: identical, nonFloat: plan.carried.nonFloat },
        nonFinite,
        bytesRead: inputs.reduce((sum, { source }) => sum + source.bytesRead, 0),
        bytesWritten: merged.byteLength,
      },
    }
  })
}

/** Writes a source to a new file, window by window. `onWindow` gets each window's bytes and how many are done. */
export function writeSource(
  source: ByteSource,
  path: string,
  durable: boolean,
  onWindow: (bytes: Uint8Array, done: number) => void = () => undefined,
): void {
  const descriptor = openSync(path, 'wx')
  try {
    const window = new Uint8Array(Math.min(windowBytes, source.byteLength))
    for (let offset = 0; offset < source.byteLength; offset += windowBytes) {
      const bytes = window.subarray(0, Math.min(windowBytes, source.byteLength - offset))
      source.read(offset, bytes)
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(descriptor, bytes, done)
      onWindow(bytes, offset + bytes.byteLength)
    }
    if (durable) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function withInputs<Result>(files: readonly MergeFile[], use: (inputs: OpenInput[]) => Result): Result {
  const inputs = openInputs(files)
  try {
    return use(inputs)
  } finally {
    closeInputs(inputs)
  }
}
