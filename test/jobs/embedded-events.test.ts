import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { embeddedEvents } from '../../src/jobs/embedded-events.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { temporaryDirectory } from '../support/server.ts'
import { jobEventsSuite } from './job-events-suite.ts'

jobEventsSuite('embedded', async () => {
  const directory = await temporaryDirectory()
  const catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  const events = embeddedEvents()
  return {
    catalog,
    // All of an embedded server is one process.
    connect: () => events,
    async close() {
      await catalog.destroy()
      await directory.remove()
    },
  }
})

test('nothing listens for a job that nobody follows any more', () => {
  const on = vi.spyOn(EventEmitter.prototype, 'on')
  const off = vi.spyOn(EventEmitter.prototype, 'off')
  try {
    const followed = embeddedEvents().follow('a', new AbortController().signal)
    const listeners = on.mock.calls.filter(([event]) => event === 'a')
    expect(listeners).toHaveLength(1)
    followed.close()
    expect(off.mock.calls.filter(([event]) => event === 'a')).toEqual(listeners)
  } finally {
    on.mockRestore()
    off.mockRestore()
  }
})
