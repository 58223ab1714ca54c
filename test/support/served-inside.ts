import pino from 'pino'
import { inject } from 'vitest'
import { createApp } from '../../src/app.ts'
import { readConfig, storePlace } from '../../src/config.ts'
import { holdDataDirectory } from '../../src/storage/data-directory.ts'
import { type InsideServer, temporaryDirectory } from './server.ts'
import { sharedIsolation } from './shared-isolation.ts'
import { sharedThreads } from './shared-threads.ts'
import { watchUndeclaredCodes } from './undeclared-codes.ts'
import { watchUndeclaredHeaders } from './undeclared-headers.ts'

/** Serves inside this process, for `startApp`. In the tier `cluster`, each server has a database and a prefix in S3 of its own. @param logs gets the lines that the server logs */
export async function serveInside(
  variables: Record<string, string>,
  clock?: () => number,
  logs?: string[],
): Promise<InsideServer> {
  const directory = await temporaryDirectory()
  const postgres = inject('postgres')
  const { createDatabase, dropDatabase } = await import('./postgres.ts')
  const database = postgres === undefined ? null : await createDatabase(postgres)
  const own = {
    PORT: '0',
    TUREEN_LOG_LEVEL: 'silent',
    TUREEN_DATA: directory.path,
    TUREEN_RATE_LIMIT: '0',
    ...(database ? { TUREEN_DATABASE_URL: database } : {}),
    ...(inject('s3') ? (await import('./content-objects.ts')).contentVariables(directory.path) : {}),
  }
  const config = readConfig({ ...own, ...variables })
  const held = await holdDataDirectory(config.dataDirectory, storePlace(config))
  const isolation = await sharedIsolation(config.dataDirectory)
  const shared = { isolation, ...(variables['TUREEN_TASK_SECONDS'] === undefined ? { threads: sharedThreads() } : {}) }
  const log = pino({ level: config.logLevel }, { write: line => logs?.push(line) })
  const app = await createApp(config, held, log, clock, undefined, shared)
  const expectDeclared = [watchUndeclaredCodes(app), watchUndeclaredHeaders(app)]
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    data: config.dataDirectory,
    database,
    async close() {
      await app.close()
      if (database) await dropDatabase(database)
      await directory.remove()
      for (const expectAll of expectDeclared) expectAll()
    },
  }
}
