import fs from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join, resolve } from 'node:path'
import { StatementSync } from 'node:sqlite'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import { type CallCounts, cell, type FaultMessage, type FaultReport, faultKinds, faultModes } from './protocol.ts'

/**
 * A disk that fails on request, loaded before a server by `--import`. It replaces Node's file system functions in every thread, only for
 * files of the data directory. The test that started the server says over IPC which call must fail.
 */
const data = resolve(process.env['TUREEN_DATA'] ?? '')
const watched = [join(data, 'content'), join(data, 'incoming')]
const memory: unknown = isMainThread
  ? new SharedArrayBuffer(16 * Int32Array.BYTES_PER_ELEMENT)
  : getEnvironmentData(data)
if (!(memory instanceof SharedArrayBuffer)) throw new TypeError('the thread was not told where faults are')
const cells = new Int32Array(memory)

type Kind = (typeof faultKinds)[number]
type Mode = (typeof faultModes)[number]
type Call = (...parameters: unknown[]) => unknown

/** Counts a call and returns how it must fail; undefined if it must not. */
function due(kind: Kind): Mode | undefined {
  const index = faultKinds.indexOf(kind)
  const place = Atomics.add(cells, cell.seen + index, 1) + 1
  if (cells[cell.kind] !== index + 1) return undefined
  const at = cells[cell.at] ?? 0
  if (at !== 0 && place !== at) return undefined
  Atomics.add(cells, cell.fired, 1)
  return faultModes[cells[cell.mode] ?? 0]
}

function failure(mode: Mode, call: string): Error | undefined {
  if (mode === 'short') return undefined
  return Object.assign(new Error(`${mode}: made by the test, ${call}`), { code: mode, syscall: call })
}

const isWatched = (path: unknown) => typeof path === 'string' && watched.some(directory => path.startsWith(directory))
const descriptors = new Set<unknown>()
const handles = new WeakSet<object>()

function replace(object: object, name: string, make: (original: Call) => Call): void {
  const original: unknown = Reflect.get(object, name)
  if (typeof original !== 'function') throw new TypeError(`there is no ${name}`)
  const replaced = make(function (this: unknown, ...parameters) {
    return Reflect.apply(original, this, parameters)
  })
  Reflect.set(object, name, replaced)
}

/** Wraps a call that throws, or that rejects if it returns a promise. */
const direct = (kind: Kind, name: string, concerns: (first: unknown) => boolean) => (original: Call) =>
  function (this: unknown, ...parameters: unknown[]) {
    const mode = concerns(parameters[0]) ? due(kind) : undefined
    const error = mode && failure(mode, name)
    if (error && name.endsWith('Sync')) throw error
    if (error) return Promise.reject(error)
    return original.apply(this, mode === 'short' ? shortened(parameters) : parameters)
  }

/** Wraps a call that passes its error to the callback, its last argument. */
const calledBack = (kind: Kind, name: string, concerns: (first: unknown) => boolean) => (original: Call) =>
  function (this: unknown, ...parameters: unknown[]) {
    const mode = concerns(parameters[0]) ? due(kind) : undefined
    const error = mode && failure(mode, name)
    const callback = parameters.at(-1)
    if (error && typeof callback === 'function') return void process.nextTick(callback, error)
    return original.apply(this, mode === 'short' ? shortened(parameters) : parameters)
  }

/** Returns the first half of some chunks, at least one byte. */
function shortenedChunks(chunks: readonly unknown[]): Uint8Array[] {
  const all = chunks.filter(chunk => chunk instanceof Uint8Array)
  const bytes = all.reduce((sum, { byteLength }) => sum + byteLength, 0)
  let rest = Math.max(Math.min(1, bytes), bytes >> 1)
  return all.flatMap(chunk => {
    const piece = chunk.subarray(0, rest)
    rest -= piece.byteLength
    return piece.byteLength > 0 ? [piece] : []
  })
}

/** Returns the parameters of a read or write (descriptor, buffer, offset, length, position) for half of the bytes, at least one. */
function shortened([descriptor, buffer, offset, length, ...rest]: unknown[]): unknown[] {
  if (Array.isArray(buffer)) return [descriptor, shortenedChunks(buffer), offset]
  if (!ArrayBuffer.isView(buffer)) return [descriptor, buffer, offset, length, ...rest]
  const from = typeof offset === 'number' ? offset : 0
  const all = typeof length === 'number' ? length : buffer.byteLength - from
  return [descriptor, buffer, from, Math.max(Math.min(1, all), all >> 1), ...rest]
}

const isOurs = (descriptor: unknown) => descriptors.has(descriptor)

replace(fs, 'openSync', original => (...parameters) => {
  const opened = direct('open', 'openSync', isWatched)(original)(...parameters)
  if (isWatched(parameters[0])) descriptors.add(opened)
  return opened
})
replace(fs, 'open', original => (...parameters) => {
  const callback = parameters.at(-1)
  if (!isWatched(parameters[0]) || typeof callback !== 'function') return original(...parameters)
  const opened = (error: unknown, descriptor: unknown) => {
    if (!error) descriptors.add(descriptor)
    callback(error, descriptor)
  }
  return calledBack('open', 'open', isWatched)(original)(...parameters.slice(0, -1), opened)
})
for (const name of ['closeSync', 'close'])
  replace(fs, name, original => (...parameters) => {
    descriptors.delete(parameters[0])
    return original(...parameters)
  })
replace(fs, 'writeSync', direct('write', 'writeSync', isOurs))
replace(fs, 'write', calledBack('write', 'write', isOurs))
replace(fs, 'readSync', direct('read', 'readSync', isOurs))
replace(fs, 'read', calledBack('read', 'read', isOurs))
replace(fs, 'fsyncSync', direct('fsync', 'fsyncSync', isOurs))
replace(fs, 'fsync', calledBack('fsync', 'fsync', isOurs))
for (const name of ['rename', 'unlink', 'mkdir'] as const) replace(promises, name, direct(name, name, isWatched))
for (const name of ['rename', 'unlink'] as const) replace(fs, `${name}Sync`, direct(name, `${name}Sync`, isWatched))

const probe = await promises.open(import.meta.filename)
const fileHandle: object = Object.getPrototypeOf(probe)
await probe.close()
replace(promises, 'open', original => async (...parameters) => {
  const handle = await direct('open', 'open', isWatched)(original)(...parameters)
  if (isWatched(parameters[0]) && typeof handle === 'object' && handle) handles.add(handle)
  return handle
})
for (const [name, kind] of [
  ['sync', 'fsync'],
  ['write', 'write'],
  ['writev', 'write'],
  ['read', 'read'],
] as const)
  replace(
    fileHandle,
    name,
    original =>
      function (this: object, ...parameters) {
        const mode = handles.has(this) ? due(kind) : undefined
        const error = mode && failure(mode, name)
        if (error) return Promise.reject(error)
        return original.apply(this, mode === 'short' ? shortened([this, ...parameters]).slice(1) : parameters)
      },
  )

/** Error codes of SQLite for a full disk and for a failing disk. */
const sqliteCodes: Partial<Record<Mode, number>> = { ENOSPC: 13, EIO: 10 }

replace(
  StatementSync.prototype,
  'run',
  original =>
    function (this: StatementSync, ...parameters) {
      const mode = /^(rollback|begin)/i.test(this.sourceSQL) ? undefined : due('catalog')
      if (mode && mode in sqliteCodes)
        throw Object.assign(new Error(`${mode}: made by the test, ${this.sourceSQL}`), { errcode: sqliteCodes[mode] })
      return original.apply(this, parameters)
    },
)
syncBuiltinESMExports()

/** Returns the counts so far, and starts anew. */
function takeCounts(): CallCounts {
  const taken = (kind: Kind) => Atomics.exchange(cells, cell.seen + faultKinds.indexOf(kind), 0)
  return {
    open: taken('open'),
    write: taken('write'),
    fsync: taken('fsync'),
    rename: taken('rename'),
    unlink: taken('unlink'),
    mkdir: taken('mkdir'),
    read: taken('read'),
    catalog: taken('catalog'),
  }
}

if (isMainThread) {
  setEnvironmentData(data, memory)
  process.on('message', ({ kind, at, mode }: FaultMessage) => {
    const report: FaultReport = { seen: takeCounts(), fired: cells[cell.fired] ?? 0 }
    cells[cell.fired] = 0
    cells[cell.at] = at
    cells[cell.mode] = faultModes.indexOf(mode)
    cells[cell.kind] = kind === null ? 0 : faultKinds.indexOf(kind) + 1
    process.send?.(report)
  })
  // The test may go while the server still has things to do.
  process.channel?.unref()
}
