import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { z } from 'zod'
import type { MergeSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import type { MergeFile } from '../../src/threads/open-inputs.ts'
import { createThreadPool } from '../../src/threads/thread-pool.ts'

/** A process that merges files as the server does, and nothing else; it tells how long each merge took and what it held at most. */

const modelFiles = z.object({
  path: z.string(),
  data: z.array(z.object({ location: z.string(), path: z.string() })),
})

export const mergeOrder = z.object({
  models: z.array(modelFiles.extend({ weight: z.number() })),
  /** The first of the models if left out. */
  base: modelFiles.optional(),
  fishers: z.array(modelFiles).default([]),
  /** Those of a merge, as this very program has made them. */
  settings: z.custom<MergeSettings>(value => typeof value === 'object' && value !== null && 'method' in value),
  output: z.string(),
  durable: z.boolean(),
})
export type MergeOrder = z.input<typeof mergeOrder>

export const mergeAnswer = z.object({ seconds: z.number(), peakMebibytes: z.number() })

const threads = createThreadPool(
  error => {
    throw error
  },
  () => {},
)

/** Files that count as different ones, whatever they hold. */
const named = <File extends z.infer<typeof modelFiles>>(file: File, label: string) => ({
  label,
  sha256: `sha256:${label}`,
  ...file,
})

async function merge(order: z.output<typeof mergeOrder>): Promise<z.infer<typeof mergeAnswer>> {
  const { models, base, fishers, settings, output, durable } = order
  const inputs = mergeInputs<MergeFile>(
    models.map((file, index) => named(file, `${index}`)),
    base && named(base, 'base'),
    fishers.map((file, index) => named(file, `fisher ${index}`)),
  )
  const run = () => threads.merge({ inputs, settings, output, durable }, { signal: new AbortController().signal })
  const clear = async () => {
    for (const path of [output, `${output}.0`]) await rm(path, { force: true })
  }
  // Threads that have had nothing to do for a while are gone: what is measured is a merge in those of a server at work.
  await clear()
  await run()
  await clear()
  // Linux: the most memory resident is counted from here on.
  writeFileSync('/proc/self/clear_refs', '5')
  const started = performance.now()
  await run()
  const seconds = (performance.now() - started) / 1000
  const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return { seconds, peakMebibytes: Number(peak) / 1024 }
}

process.on('message', message => {
  merge(mergeOrder.parse(message)).then(
    answer => process.send?.(answer),
    (error: unknown) => {
      process.stderr.write(`${error}\n`)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
