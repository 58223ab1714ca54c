import { createHash } from 'node:crypto'
import { closeSync, ftruncateSync, openSync } from 'node:fs'
import { type CountedPlan, countedPlan } from '../merge/counted-plan.ts'
import type { MergeCounts } from '../merge/merge-counts.ts'
import type { MergeFindings } from '../merge/merge-findings.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { filesOf, type MergeInputs } from '../merge/merge-inputs.ts'
import { type Expected, mergeOutcome, withWarnings } from '../merge/merge-outcome.ts'
import { findNonFinite } from '../merge/non-finite.ts'
import { planMemory } from '../merge/plan-memory.ts'
import { planSource } from '../merge/plan-source.ts'
import type { PlannedBytes, PlanSource } from '../merge/planned-files.ts'
import { pendingTensors, prepare, preparesTogether } from '../merge/prepare.ts'
import { sampledWarnings } from '../merge/sampled-pairs.ts'
import { requireBatchNorms } from '../onnx/graph/batch-norms.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { besideOutput } from '../storage/file-names.ts'
import { type CheckedPlan, checkedPlan } from './checked-plan.ts'
import { inspectInputs } from './inspect-inputs.ts'
import {
  bytesReadOf,
  type MergeFile,
  type OpenFiles,
  type OpenInput,
  withOpenFiles,
  withOpenMerge,
} from './open-inputs.ts'
import type { OutputFile } from './output-ranges.ts'
import { checkOf, serializedCheck, sharedPlan } from './share-inputs.ts'
import type { WorkControl } from './work-control.ts'
import { writePlanned } from './write-planned.ts'

/** Results of at least this size are written by several threads; the cost of coordinating them is then negligible. */
const splitBytes = 16 << 20

/** Reused: a thread merges one result after the other. */
const memory = planMemory()

export type MergeReport = MergeCounts & MergeFindings & { bytesRead: number; bytesWritten: number }

/** A file that was written. */
export type WrittenFile = OutputFile & { sha256: string }

/** The files of a merged model, its own first. */
export type MergedModel = { files: WrittenFile[]; report: MergeReport }

/** A large merge, ready to be written: its files exist with their sizes, but without content. */
export type PlannedMerge = {
  /** The plan, serialized, so that it is passed to threads without a copy on the event loop. */
  plan: SharedArrayBuffer
  outputs: OutputFile[]
  counted: CountedPlan
  expected: Expected<MergeFindings>
  /** Bytes read so far; writing reads more. */
  bytesRead: number
  bytesWritten: number
}

/** A large merge of which several threads must first prepare `pending` tensors. */
export type UnpreparedMerge = Omit<PlannedMerge, 'counted'> & { pending: number }

/** A finished merge, or one that several threads must finish. */
export type MergeStart = { merged: MergedModel } | { planned: PlannedMerge } | { unprepared: UnpreparedMerge }

/**
 * The largest number of tensors of models in a plan that is kept: copying a larger plan takes seconds and much memory.
 */
const mostKeptSources = 150_000

/**
 * Checks that models can be averaged and their batch norms measured. Writes nothing.
 * @returns the plan, serialized for {@link startMerge}; null if it is too large
 * @throws TureenError as {@link checkedPlan} does; `TUREEN_RECALIBRATION_IMPOSSIBLE`
 */
export function checkMergeFiles(
  files: MergeInputs<MergeFile>,
  settings: MergeSettings,
): Uint8Array<ArrayBuffer> | null {
  return withOpenMerge(files, inputs => {
    const checked = checkMerge(inputs, settings)
    const { tensors, inputs: sources } = checked.plan
    return tensors.length * sources.length > mostKeptSources ? null : serializedCheck(checked)
  })
}

/** Checks open files as {@link checkMergeFiles} does, and returns the plan. */
export function checkMerge(inputs: MergeInputs<OpenInput>, settings: MergeSettings): CheckedPlan {
  const checked = checkedPlan(inputs, settings)
  if (settings.recalibrate) {
    const { layout } = inputs.base
    requireBatchNorms(layout, decodeSkeleton(layout))
  }
  return checked
}

/**
 * Merges models into a new one: its own file at `output`, data files beside it under names with the same beginning. A
 * large merge is only planned.
 * @param durable true to flush the files to the disk before returning
 * @param checked the result of {@link checkMergeFiles} for the same inputs and settings
 */
export function startMerge(
  inputs: MergeInputs<MergeFile>,
  settings: MergeSettings,
  output: string,
  durable: boolean,
  control: WorkControl,
  checked: Uint8Array<ArrayBuffer> | null = null,
): MergeStart {
  const start = (files: readonly OpenFiles[], { plan: unprepared, ...found }: CheckedPlan): MergeStart => {
    const expected = withWarnings(found.expected, sampledWarnings(unprepared, files, settings, found.network))
    const pending = pendingTensors(unprepared)
    const bytesToPrepare = pending.reduce((sum, { bytes }) => sum + bytes, 0)
    const sizes = outputFiles(planSource(unprepared, files, memory), output).map(withoutSource)
    const bytesWritten = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
    control.begin(bytesToPrepare + bytesWritten)
    const soFar = () => ({ outputs: sizes, expected, bytesRead: bytesReadOf(files), bytesWritten })
    const isLarge = bytesWritten >= splitBytes
    if (isLarge) for (const { path, bytes } of sizes) createFile(path, bytes)
    if (isLarge && pending.length > 0 && !preparesTogether(pending)) {
      return { unprepared: { plan: sharedPlan(unprepared), pending: pending.length, ...soFar() } }
    }
    const { plan, facts } = prepare(unprepared, files, control.throwIfStopped)
    control.advance(bytesToPrepare)
    const counted = countedPlan(plan, facts)
    if (isLarge) return { planned: { plan: sharedPlan(plan), counted, ...soFar() } }
    const merged = planSource(plan, files, memory)
    const written = writeFiles(outputFiles(merged, output), durable, control)
    const computed = merged.computed()
    const nonFinite = findNonFinite(plan, computed.nonFinite, files, memory, 'suspects', control.throwIfStopped)
    const outcome = mergeOutcome(counted, computed, nonFinite, expected)
    return { merged: { files: written, report: { ...outcome, bytesRead: bytesReadOf(files), bytesWritten } } }
  }
  if (checked) return withOpenFiles(inputs, files => start(files, checkOf(checked)))
  return withOpenMerge(inputs, opened => {
    const files = filesOf(opened)
    inspectInputs(files)
    return start(files, checkedPlan(opened, settings))
  })
}

/** Writes planned files to new files, and hashes them at the same time. */
export function writeFiles(
  outputs: readonly (OutputFile & { source: PlannedBytes })[],
  durable: boolean,
  control: WorkControl,
): WrittenFile[] {
  return outputs.map(file => {
    const hash = createHash('sha256')
    writePlanned(file.source, file.path, durable, bytes => {
      hash.update(bytes)
      control.advance(bytes.byteLength)
    })
    return { ...withoutSource(file), sha256: `sha256:${hash.digest('hex')}` }
  })
}

/** Returns the files of a planned merge with their new paths, the model's own first. */
export function outputFiles(merged: PlanSource, output: string): (OutputFile & { source: PlannedBytes })[] {
  const data = [...merged.data].map(([location, source], index) => ({
    location,
    path: besideOutput(output, index),
    bytes: source.byteLength,
    source,
  }))
  return [{ location: '', path: output, bytes: merged.byteLength, source: merged }, ...data]
}

function withoutSource({ location, path, bytes }: OutputFile): OutputFile {
  return { location, path, bytes }
}

function createFile(path: string, bytes: number): void {
  const descriptor = openSync(path, 'wx')
  try {
    ftruncateSync(descriptor, bytes)
  } finally {
    closeSync(descriptor)
  }
}
