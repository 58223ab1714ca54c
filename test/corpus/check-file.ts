import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { TureenError } from '../../src/errors.ts'
import type { ByteSource } from '../../src/onnx/byte-source.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { externalFile } from './external-files.ts'
import { type OpenedFile, openFile } from './opened-file.ts'
import { perturbed } from './perturb.ts'
import { acceptData, averagedTensors, contentOf, inspect, type ModelFiles, soupOf } from './product.ts'
import { firstDifference, otherDifference } from './weights-only.ts'

export type Invariant = 'index' | 'self-soup' | 'perturbed-soup'
export type Failure = { invariant: Invariant; reason: string }
/** A model as files, for onnxruntime: it gets their bytes, the external data by location. */
export type FilesOnDisk = { path: string; external: { location: string; path: string }[] }

/** `scratch`: a directory for the perturbed soup. `mostBytes`: of a larger model no perturbed soup is made. */
export type CheckTask = { path: string; root: string; scratch: string; mostBytes: number }

/** What this project alone can tell of a file; what onnxruntime says of it and of `soup` is found out elsewhere. */
export type Checked = {
  bytes: number
  /** An error of the catalogue, and what it ended. */
  refused: { invariant: Invariant; code: string; detail: string } | null
  failures: Failure[]
  /** Locations of external data that are not there: then there is nothing to merge. */
  missing: string[]
  original: FilesOnDisk
  soup: FilesOnDisk | null
  /** Whether it is in onnxruntime's own format, which onnxruntime opens although it is no ONNX model. */
  isOrtFormat: boolean
  notes: string[]
}

/** Called before each of the invariants, with the bytes that it is about. */
export type OnStage = (invariant: Invariant, bytes: number) => void

/** Checks one file. */
export function checkFile(task: CheckTask, onStage: OnStage): Checked {
  const opened: OpenedFile[] = []
  const open = (path: string) => {
    const file = openFile(path)
    opened.push(file)
    return file
  }
  try {
    return checkOpened(task, open, onStage)
  } finally {
    for (const file of opened) file.close()
  }
}

function checkOpened(task: CheckTask, open: (path: string) => OpenedFile, onStage: OnStage): Checked {
  const { path, root, scratch, mostBytes } = task
  const source = open(path)
  const checked: Checked = {
    bytes: source.byteLength,
    refused: null,
    failures: [],
    missing: [],
    original: { path, external: [] },
    soup: null,
    isOrtFormat: isOrtFormat(source),
    notes: [],
  }
  /** @returns undefined if the step was refused or failed, which then is noted */
  const step = <Result>(invariant: Invariant, run: () => Result): { result: Result } | undefined => {
    onStage(invariant, checked.bytes)
    try {
      return { result: run() }
    } catch (error) {
      if (error instanceof TureenError) checked.refused = { invariant, code: error.code, detail: detailOf(error) }
      else checked.failures.push({ invariant, reason: `not an error of the catalogue: ${whatOf(error)}` })
      return undefined
    }
  }

  const locations = step('index', () => inspect(source))
  if (!locations) return checked
  const data = new Map<string, ByteSource>()
  for (const location of locations.result) {
    const external = externalFile(path, location, root)
    if (external === undefined) checked.missing.push(location)
    else {
      data.set(location, open(external))
      checked.original.external.push({ location, path: external })
    }
  }
  if (checked.missing.length > 0) return checked
  const model: ModelFiles = { source, data }
  checked.bytes = [...data.values()].reduce((sum, { byteLength }) => sum + byteLength, source.byteLength)

  if (!step('index', () => acceptData(model))) return checked
  const difference = step('self-soup', () => firstDifference(model, soupOf(model, model)))
  if (difference?.result) checked.failures.push({ invariant: 'self-soup', reason: difference.result })
  if (!difference) return checked
  if (checked.bytes > mostBytes) {
    checked.notes.push('too large for a perturbed soup')
    return checked
  }

  const soup = step('perturbed-soup', () => {
    const averaged = averagedTensors(model)
    const copy = perturbed(model, averaged)
    const merged = inMemory(soupOf(model, copy))
    const other = otherDifference(model, merged, averaged)
    if (other) checked.failures.push({ invariant: 'perturbed-soup', reason: other })
    // An average of neighbours among 8-bit floats may be one of them, and be the base's.
    const wide = averaged.some(({ dataType, elements }) => [1, 10, 11, 16].includes(dataType) && elements > 0)
    if (copy.changed > 0 && wide && firstDifference(model, merged) === undefined)
      checked.failures.push({ invariant: 'perturbed-soup', reason: 'it has the weights of the base' })
    if (averaged.length === 0) checked.notes.push('nothing to average')
    return writeModel(merged, scratch)
  })
  if (soup) checked.soup = soup.result
  return checked
}

function inMemory({ source, data }: ModelFiles): ModelFiles {
  const content = (file: ByteSource) => memorySource(contentOf(file))
  return { source: content(source), data: new Map([...data].map(([location, file]) => [location, content(file)])) }
}

function writeModel({ source, data }: ModelFiles, directory: string): FilesOnDisk {
  const write = (name: string, file: ByteSource) => {
    const path = join(directory, name)
    const descriptor = openSync(path, 'w')
    try {
      const bytes = contentOf(file)
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(descriptor, bytes, done)
    } finally {
      closeSync(descriptor)
    }
    return path
  }
  return {
    path: write('soup', source),
    external: [...data].map(([location, file], index) => ({ location, path: write(`data-${index}`, file) })),
  }
}

function isOrtFormat(source: ByteSource): boolean {
  return source.byteLength >= 8 && Buffer.from(readBytes(source, 4, 4)).toString('latin1') === 'ORTM'
}

function detailOf({ message, errors }: TureenError): string {
  const first = errors[0]
  return first ? `${message} [${first.tensor ?? first.node ?? first.field ?? ''}: ${first.message}]` : message
}

function whatOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message} ${
        error.stack
          ?.split('\n')
          .find(line => line.includes('    at '))
          ?.trim() ?? ''
      }`
    : String(error)
}
