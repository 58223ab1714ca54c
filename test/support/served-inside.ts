import pino from 'pino'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { holdDataDirectory } from '../../src/storage/data-directory.ts'
import { temporaryDirectory } from './server.ts'
import { sharedThreads } from './shared-threads.ts'
import { watchUndeclaredCodes } from './undeclared-codes.ts'
import { watchUndeclaredHeaders } from './undeclared-headers.ts'

/** Serves inside this process, for `startApp`. @param logs gets the lines that the server logs */
export async function serveInside(
  variables: Record<string, string>,
  clock?: () => number,
  logs?: string[],
): Promise<{ url: string; data: string; close(): Promise<void> }> {
  const directory = await temporaryDirectory()
  const own = {
    PORT: '0',
    TUREEN_LOG_LEVEL: 'silent',
    TUREEN_DATA: directory.path,
    TUREEN_RATE_LIMIT: '0',
  }
  const config = readConfig({ ...own, ...variables })
  const held = await holdDataDirectory(config.dataDirectory)
  const shared = variables['TUREEN_TASK_SECONDS'] === undefined ? sharedThreads() : undefined
  const log = pino({ level: config.logLevel }, { write: line => logs?.push(line) })
  const app = await createApp(config, held, log, clock, undefined, shared)
  const expectDeclared = [watchUndeclaredCodes(app), watchUndeclaredHeaders(app)]
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    data: config.dataDirectory,
    async close() {
      await app.close()
      await directory.remove()
      for (const expectAll of expectDeclared) expectAll()
    },
  }
}
