import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectRoot } from '../support/server.ts'
import type { Timing } from './harness.ts'
import { type MergeOrder, mergeAnswer } from './merge-process.ts'

/** As `npm start` has it: without compiled code every thread would hold the compiler that takes types out. */
const env = {
  ...process.env,
  NODE_COMPILE_CACHE: join(projectRoot, 'node_modules/.cache/compile'),
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
}
const script = fileURLToPath(new URL('./merge-process.ts', import.meta.url))

/** Merges in a process of its own, which stays for all of them: its threads are warm, as a server's are. */
export function mergingProcess(signal: AbortSignal): (order: MergeOrder) => Promise<Timing> {
  let child: ReturnType<typeof fork> | undefined
  signal.addEventListener('abort', () => child?.kill('SIGKILL'))
  return async order => {
    child ??= fork(script, { execArgv: ['--max-semi-space-size=1'], env })
    const asked = child
    asked.send(order)
    const over = new AbortController()
    const ended = once(asked, 'exit', { signal: over.signal }).then(([code]) => {
      throw new Error(`the merging process ended with ${code}`)
    })
    ended.catch(() => undefined)
    try {
      const [answer] = await Promise.race([once(asked, 'message', { signal: over.signal }), ended])
      const { seconds, peakMebibytes } = mergeAnswer.parse(answer)
      return { seconds, details: { 'peak MiB': peakMebibytes } }
    } finally {
      over.abort()
    }
  }
}
