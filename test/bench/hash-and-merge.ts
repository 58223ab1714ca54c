import { rm } from 'node:fs/promises'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import type { MergeFile } from '../../src/threads/open-inputs.ts'
import { createThreadPool } from '../../src/threads/thread-pool.ts'

/** Hashes files on all processors, and writes their mean, flushed. Prints the seconds and the processor time of that, without its own start. */

const [output = '', ...files] = process.argv.slice(2)
const threads = createThreadPool(
  error => {
    throw error
  },
  () => {},
)
const { signal } = new AbortController()
await rm(output, { force: true })
const before = process.cpuUsage()
const started = performance.now()
const found = await Promise.all(files.map(file => threads.hash(file, signal)))
const models = found.map((each, index) => {
  if ('unreadable' in each) throw new Error(`${files[index]} cannot be read: ${each.unreadable}`)
  return { label: String(index), path: files[index] ?? '', sha256: each.sha256, data: [], weight: 1 }
})
const inputs = mergeInputs<MergeFile>(models, undefined, [])
await threads.merge({ inputs, settings: defaultSettings, output, durable: true }, { signal })
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(before)
await threads.close()
process.stdout.write(JSON.stringify({ seconds, processor: (user + system) / 1e6 }))
