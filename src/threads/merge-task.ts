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
import { besideOutput } from '../storage/content-files.ts'
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
import { checkOf, sharedCheck, sharedPlan } from './share-inputs.ts'
import type { WorkControl } from './work-control.ts'
import { writePlanned } from './write-planned.ts'

/** Results from this size on are written by several threads: what these cost to coordinate is nothing then. */
const splitBytes = 16 << 20

/** A thread merges one after the other, all in the same memory. */
const memory = planMemory()

export type MergeReport = MergeCounts & MergeFindings & { bytesRead: number; bytesWritten: number }

/** A file that has been written. */
export type WrittenFile = OutputFile & { sha256: string }

/** The files of a merged model, its own first. */
export type MergedModel = { files: WrittenFile[]; report: MergeReport }

/** A large merge, ready to be written: its files are there, of their sizes and without content. */
export type PlannedMerge = {
  /** The plan, serialized, so that threads can have it without the event loop copying it. */
  plan: SharedArrayBuffer
  outputs: OutputFile[]
  counted: CountedPlan
  expected: Expected<MergeFindings>
  /** Bytes that have been read so far; more are read while it is written. */
  bytesRead: number
  bytesWritten: number
}

/** A large merge of which several threads are to prepare so many tensors first. */
export type UnpreparedMerge = Omit<PlannedMerge, 'counted'> & { pending: number }

/** A merge that is done, or is to be done by several threads. */
export type MergeStart = { merged: MergedModel } | { planned: PlannedMerge } | { unprepared: UnpreparedMerge }

/** A plan that names more tensors of its models is not kept: to copy it would take seconds and much memory. */
const mostSharedSources = 250_000

/**
 * Checks whether the models can be averaged and their batch norms measured. Writes nothing.
 * @returns the plan, serialized for {@link startMerge}; null if it is too large
 * @throws TureenError as {@link checkedPlan} does; `TUREEN_RECALIBRATION_IMPOSSIBLE`
 */
export function checkMergeFiles(files: MergeInputs<MergeFile>, settings: MergeSettings): SharedArrayBuffer | null {
  return withOpenMerge(files, inputs => {
    const checked = checkMerge(inputs, settings)
    const { tensors, inputs: sources } = checked.plan
    return tensors.length * sources.length > mostSharedSources ? null : sharedCheck(checked)
  })
}

/** As {@link checkMergeFiles}, of files that are open. */
export function checkMerge(inputs: MergeInputs<OpenInput>, settings: MergeSettings): CheckedPlan {
  const checked = checkedPlan(inputs, settings)
  if (settings.recalibrate) {
    const { layout } = inputs.base
    requireBatchNorms(layout, decodeSkeleton(layout))
  }
  return checked
}

/**
 * Merges models into a new one: its own file at `output`, data files beside it under names that begin alike. A large one is only
 * planned.
 * @param durable whether the files are flushed to the disk before this returns
 * @param checked what {@link checkMergeFiles} returned for the same inputs and settings
 */
export function startMerge(
  inputs: MergeInputs<MergeFile>,
  settings: MergeSettings,
  output: string,
  durable: boolean,
  control: WorkControl,
  checked: SharedArrayBuffer | null = null,
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

/** Writes planned files to new ones, hashed as they are written. */
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

/** Where the files of a planned merge are written to, the model's own first. */
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
