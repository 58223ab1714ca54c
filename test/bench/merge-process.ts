import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { z } from 'zod'
import type { MergeSettings } from '../../src/merge/merge-input.ts'
import { createThreadPool } from '../../src/threads/thread-pool.ts'

/** A process that merges files as the server does, and nothing else; it tells how long each merge took and what it held at most. */

export const mergeOrder = z.object({
  models: z.array(
    z.object({
      path: z.string(),
      data: z.array(z.object({ location: z.string(), path: z.string() })),
      weight: z.number().nullable(),
      fisherOf: z.number().optional(),
    }),
  ),
  /** Those of a merge, as this very program has made them. */
  settings: z.custom<MergeSettings>(value => typeof value === 'object' && value !== null && 'method' in value),
  output: z.string(),
  durable: z.boolean(),
})
export type MergeOrder = z.infer<typeof mergeOrder>

export const mergeAnswer = z.object({ seconds: z.number(), peakMebibytes: z.number() })

const threads = createThreadPool(
  error => {
    throw error
  },
  () => {},
)

async function merge({ models, settings, output, durable }: MergeOrder): Promise<z.infer<typeof mergeAnswer>> {
  const files = models.map(({ fisherOf, ...model }, index) => ({
    label: `${index}`,
    sha256: `sha256:${index}`,
    ...model,
    ...(fisherOf === undefined ? {} : { fisherOf }),
  }))
  const run = () => threads.merge({ files, settings, output, durable }, { signal: new AbortController().signal })
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
