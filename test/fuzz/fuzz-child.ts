import { writeSync } from 'node:fs'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { acceptData, inspect, type ModelFiles, soupOf } from '../corpus/product.ts'
import { firstDifference } from '../corpus/weights-only.ts'
import { type FuzzInput, fuzzInput } from './fuzz-input.ts'

/**
 * The process that reads damaged models, so that one that brings it down is found and named: before each input it writes its index to
 * descriptor 3.
 */

export type FuzzTask = { seed: number; from: number; to: number }
export type Finding = {
  index: number
  kind: 'error' | 'slow' | 'memory' | 'differs' | 'hang' | 'crash'
  reason: string
}
export type FuzzMessage =
  | { finding: Finding }
  | { ended: Record<string, number>; growth: number; slowest: number; next: number }

const slowMilliseconds = 1000
const mostGrowth = 300 * 2 ** 20
const inputsPerCollection = 64

/** @returns how the input ended */
function read({ model, data }: FuzzInput): string {
  const files: ModelFiles = {
    source: memorySource(model),
    data: new Map([...data].map(([location, bytes]) => [location, memorySource(bytes)])),
  }
  let stage = 'refused'
  try {
    const locations = inspect(files.source)
    if (locations.some(location => !data.has(location))) return 'accepted, incomplete'
    // A record's data files are those that it names.
    const named: ModelFiles = {
      source: files.source,
      data: new Map([...files.data].filter(([location]) => locations.includes(location))),
    }
    acceptData(named)
    stage = 'accepted, soup refused'
    const difference = firstDifference(named, soupOf(named, named))
    return difference === undefined ? 'accepted, soup identical' : `differs: ${difference}`
  } catch (error) {
    if (error instanceof TureenError && error.code !== 'TUREEN_INTERNAL') return `${stage}: ${error.code}`
    throw error
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

const peak = () => process.resourceUsage().maxRSS * 1024
const send = (message: FuzzMessage) => process.send?.(message)

function run({ seed, from, to }: FuzzTask): void {
  // The first few load what all need.
  for (let index = 0; index < 50; index += 1) {
    try {
      read(fuzzInput(seed ^ 0x5eed, index))
    } catch {
      // Not counted.
    }
  }
  global.gc?.()
  const start = peak()
  const ended: Record<string, number> = {}
  let slowest = 0
  let index = from
  for (; index < to; index += 1) {
    const input = fuzzInput(seed, index)
    writeSync(3, `${index}\n`, 0)
    const before = peak()
    const found = (kind: Finding['kind'], reason: string) => send({ finding: { index, kind, reason } })
    const attempt = () => {
      const [started, used] = [performance.now(), process.cpuUsage()]
      const end = read(input)
      const { user, system } = process.cpuUsage(used)
      // Waiting for a processor that others have is not the input's doing.
      return { end, milliseconds: Math.min(performance.now() - started, (user + system) / 1000) }
    }
    try {
      const { end, milliseconds: first } = attempt()
      // What was slow once may have been held up by the machine.
      const milliseconds = first > slowMilliseconds / 2 ? Math.min(first, attempt().milliseconds) : first
      ended[end] = (ended[end] ?? 0) + 1
      slowest = Math.max(slowest, milliseconds)
      if (milliseconds > slowMilliseconds) found('slow', `${Math.round(milliseconds)} ms`)
      if (end.startsWith('differs')) found('differs', end)
    } catch (error) {
      found('error', reasonOf(error))
    }
    const grown = peak() - start
    if (grown > mostGrowth) {
      found('memory', `${grown} bytes more than at the start, ${before - start} of them before this input`)
      index += 1
      break
    }
    if (index % inputsPerCollection === 0) global.gc?.()
  }
  send({ ended, growth: peak() - start, slowest, next: index })
}

process.on('message', run)
process.on('disconnect', () => process.exit(0))
