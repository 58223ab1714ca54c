import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { MergeSettings } from '../merge/merge-input.ts'
import { type MethodReport, methodReport } from '../merge/method-report.ts'
import { type PlanSource, planMemory, planSource } from '../merge/plan-source.ts'
import { prepare } from '../merge/prepare.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { besideOutput } from '../storage/artifacts.ts'
import { bytesReadOf, checkedPlan, closeInputs, type MergeFile, type OpenInput, openInputs } from './merge-inputs.ts'

/** What is written at a time; progress is reported as often. */
const windowBytes = 1 << 20

/** A thread merges one after the other, all in the same memory. */
const memory = planMemory()

export type MergeReport = {
  tensors: { averaged: number; copied: number; nonFloat: number }
  nonFinite: number
  /** What the method found, tensor by tensor; left out where it finds nothing out. */
  method?: MethodReport
  bytesRead: number
  bytesWritten: number
  /** What someone should know about the models that were paired. */
  warnings: string[]
}

/** A file that has been written: `location` is what the model calls it, empty for the model's own. */
export type WrittenFile = { location: string; path: string; sha256: string; bytes: number }

/** The files of a merged model, its own first. */
export type MergedModel = { files: WrittenFile[]; report: MergeReport }

/** Whether the models can be averaged, nothing written. @throws TureenError as {@link checkedPlan} does */
export function checkMergeFiles(files: readonly MergeFile[], settings: MergeSettings): void {
  withInputs(files, inputs => void checkedPlan(inputs, settings))
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
    const { plan: unprepared, warnings } = checkedPlan(inputs, settings)
    const { plan, facts } = prepare(unprepared, inputs, () => onProgress(0, unprepared.main.byteLength))
    const merged = planSource(plan, inputs, memory)
    const outputs = outputFiles(merged, output)
    const total = outputs.reduce((sum, { source }) => sum + source.byteLength, 0)
    let before = 0
    onProgress(0, total)
    const written = outputs.map(({ source, location, path }) => {
      const hash = createHash('sha256')
      writeSource(source, path, durable, (bytes, done) => {
        hash.update(bytes)
        onProgress(before + done, total)
      })
      before += source.byteLength
      return { location, path, sha256: `sha256:${hash.digest('hex')}`, bytes: source.byteLength }
    })
    const { averaged, identical, nonFinite, counts } = merged.report()
    return {
      files: written,
      report: {
        tensors: { averaged, copied: identical, nonFloat: plan.carried.nonFloat },
        nonFinite,
        ...methodReport(plan, facts, counts),
        bytesRead: bytesReadOf(inputs),
        bytesWritten: total,
        warnings,
      },
    }
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
