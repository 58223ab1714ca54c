import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { buildPage } from './build-page.ts'

/** The worker thread that builds the page: stripping types and compressing would block the event loop for a second. */
if (parentPort) {
  const { root } = z.object({ root: z.string() }).parse(workerData)
  parentPort.postMessage(await buildPage(root))
}
