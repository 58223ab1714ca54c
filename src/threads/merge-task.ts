import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { blame, type ProblemItem, TureenError } from '../errors.ts'
import { compareWithBase } from '../merge/compatibility.ts'
import type { IndexedInput, MergeInput, MergeSettings } from '../merge/merge-input.ts'
import { planMerge } from '../merge/plan.ts'
import { planSource } from '../merge/plan-source.ts'
import { type Preflight, preflight } from '../merge/preflight.ts'
import type { Layout } from '../onnx/layout.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { type FileSource, openFileSource } from '../storage/file-source.ts'

/** A merge input with the file that holds it. */
export type MergeFile = MergeInput & { path: string }

/** What is written at a time; progress is reported as often. */
const windowBytes = 1 << 20

export type MergeReport = {
  tensors: { averaged: number; copied: number; nonFloat: number }
  nonFinite: number
  bytesRead: number
  bytesWritten: number
}

export type MergedFile = { sha256: string; bytes: number; report: MergeReport }

/**
 * Whether the models can be averaged: structure and everything that is never averaged compared, nothing written.
 * @throws TureenError `TUREEN_MODELS_DIFFER`, `TUREEN_NON_FLOAT_DIFFERS`, with every difference
 */
export function checkMergeFiles(files: readonly MergeFile[], settings: MergeSettings): void {
  withInputs(files, inputs => void check(inputs, settings))
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
    const plan = planMerge(inputs, settings, check(inputs, settings))
    const merged = planSource(plan, inputs)
    const sha256 = writeHashed(merged, output, durable, onProgress)
    const { averaged, identical, nonFinite } = merged.report()
    return {
      sha256,
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

function check(inputs: readonly IndexedInput[], settings: MergeSettings): Preflight {
  const structural = compareWithBase(inputs, settings)
  const result = preflight(inputs, settings)
  const problems: ProblemItem[] = [...structural, ...result.problems]
  if (structural.length > 0) {
    throw new TureenError(
      'TUREEN_MODELS_DIFFER',
      'Only the weights of one and the same network can be averaged; these models differ in more.',
      problems,
    )
  }
  if (problems.length > 0) {
    throw new TureenError(
      'TUREEN_NON_FLOAT_DIFFERS',
      'The models agree in structure, but differ in values that are never averaged.',
      problems,
    )
  }
  return result
}

function withInputs<Result>(
  files: readonly MergeFile[],
  use: (inputs: (IndexedInput & { source: FileSource })[]) => Result,
): Result {
  const opened: FileSource[] = []
  try {
    const inputs = files.map(({ path, ...input }) => {
      const source = openFileSource(path)
      opened.push(source)
      return { ...input, source, layout: layoutOf(source, input.label) }
    })
    return use(inputs)
  } finally {
    for (const source of opened) source.close()
  }
}

function layoutOf(source: FileSource, label: string): Layout {
  try {
    return readLayout(source)
  } catch (error) {
    throw blame(error, label)
  }
}

function writeHashed(
  source: { byteLength: number; read(offset: number, target: Uint8Array): void },
  path: string,
  durable: boolean,
  onProgress: (done: number, total: number) => void,
): string {
  const hash = createHash('sha256')
  onProgress(0, source.byteLength)
  const descriptor = openSync(path, 'wx')
  try {
    const window = new Uint8Array(Math.min(windowBytes, source.byteLength))
    for (let offset = 0; offset < source.byteLength; offset += windowBytes) {
      const bytes = window.subarray(0, Math.min(windowBytes, source.byteLength - offset))
      source.read(offset, bytes)
      hash.update(bytes)
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(descriptor, bytes, done)
      onProgress(offset + bytes.byteLength, source.byteLength)
    }
    if (durable) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  return `sha256:${hash.digest('hex')}`
}
