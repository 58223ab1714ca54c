import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { holdDataDirectory } from '../../src/storage/data-directory.ts'

/** Returns the OpenAPI document of a server that has no data. */
export async function openApiDocument(): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), 'tureen-docs-'))
  const config = readConfig({ TUREEN_DATA: directory, TUREEN_LOG_LEVEL: 'silent' })
  const app = await createApp(config, await holdDataDirectory(directory), pino({ level: 'silent' }))
  try {
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    return await (await fetch(`${url}/openapi.json`)).json()
  } finally {
    await app.close()
    await rm(directory, { recursive: true, force: true })
  }
}
