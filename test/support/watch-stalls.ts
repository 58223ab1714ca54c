import { isMainThread } from 'node:worker_threads'
import { watchLoop } from './processor-time.ts'

/** Loaded before a server: on request, tells the parent process how long the event loop was blocked since the last request. */

if (isMainThread && process.argv[1]?.endsWith('server.ts')) {
  const loop = watchLoop()
  process.on('message', () => void process.send?.(loop.longest()))
}
