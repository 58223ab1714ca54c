import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { baseOf, type MergeSettings } from '../merge/merge-input.ts'
import { type PlanSource, planMemory, planSource } from '../merge/plan-source.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { requireBatchNorms } from '../onnx/graph/batch-norms.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { besideOutput } from '../storage/artifacts.ts'
import { bytesReadOf, checkedPlan, closeInputs, type MergeFile, type OpenInput, openInputs } from './merge-inputs.ts'

/** What is written at a time; progress is reported as often. */
const windowBytes = 1 << 20

/** A thread merges one after the other, all in the same memory. */
const memory = planMemory()

export type MergeReport = {
  tensors: { averaged: number; copied: number; nonFloat: number }
  nonFinite: number
  bytesRead: number
  bytesWritten: number
  /** What someone should know about the models that were paired. */
  warnings: string[]
}

/** A file that has been written: `location` is what the model calls it, empty for the model's own. */
export type WrittenFile = { location: string; path: string; sha256: string; bytes: number }

/** The files of a merged model, its own first. */
export type MergedModel = { files: WrittenFile[]; report: MergeReport }

/**
 * Whether the models can be averaged and their batch norms measured, nothing written.
 * @throws TureenError as {@link checkedPlan} does; `TUREEN_RECALIBRATION_IMPOSSIBLE`
 */
export function checkMergeFiles(files: readonly MergeFile[], settings: MergeSettings): void {
  withInputs(files, inputs => {
    checkedPlan(inputs, settings)
    if (!settings.recalibrate) return
    const { layout } = baseOf(inputs, settings)
    requireBatchNorms(layout, decodeSkeleton(layout))
  })
}

/**
 * Merges models into a new one, in windows of constant size, hashed as they are written: its own file at `output`, data files
 * beside it under names that begin alike.
 * @param durable whether the files are flushed to the disk before this returns
 * @param onProgress called before the first and after every window, with bytes done and in all; what it throws ends the merge
 */
export function mergeFiles(
  files: readonly MergeFile[],
  settings: MergeSettings,
  output: string,
  durable: boolean,
  onProgress: (done: number, total: number) => void,
): MergedModel {
  return withInputs(files, inputs => {
    const { plan, warnings } = checkedPlan(inputs, settings)
    const merged = planSource(plan, inputs, memory)
    const written = writeFiles(merged, output, durable, onProgress)
    const { averaged, identical, nonFinite } = merged.report()
    return {
      files: written,
      report: {
        tensors: { averaged, copied: identical, nonFloat: plan.carried.nonFloat },
        nonFinite,
        bytesRead: bytesReadOf(inputs),
        bytesWritten: written.reduce((sum, { bytes }) => sum + bytes, 0),
        warnings,
      },
    }
  })
}

/** Writes all files of a model to new ones, hashed as they are written. @returns what was written, its own file first */
export function writeFiles(
  merged: PlanSource,
  output: string,
  durable: boolean,
  onProgress: (done: number, total: number) => void,
): WrittenFile[] {
  const outputs = outputFiles(merged, output)
  const total = outputs.reduce((sum, { source }) => sum + source.byteLength, 0)
  let before = 0
  onProgress(0, total)
  return outputs.map(({ source, location, path }) => {
    const hash = createHash('sha256')
    writeSource(source, path, durable, (bytes, done) => {
      hash.update(bytes)
      onProgress(before + done, total)
    })
    before += source.byteLength
    return { location, path, sha256: `sha256:${hash.digest('hex')}`, bytes: source.byteLength }
  })
}

/** Where the files of a planned merge are written to, the model's own first. */
export function outputFiles(
  merged: PlanSource,
  output: string,
): { location: string; path: string; source: ByteSource }[] {
  const data = [...merged.data].map(([location, source], index) => ({
    location,
    path: besideOutput(output, index),
    source,
  }))
  return [{ location: '', path: output, source: merged }, ...data]
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
