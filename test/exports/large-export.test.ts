import { expect, test } from 'vitest'
import { exportItem } from '../../schemas/export.ts'
import type { Derivation } from '../../src/export/derivation.ts'
import { createExportStore } from '../../src/exports/export-store.ts'
import { writeCorrespondence } from '../../src/threads/correspondence-document.ts'
import { insertBareExport } from '../support/bare-exports.ts'
import { watchLoop } from '../support/processor-time.ts'
import { sharedPool } from '../support/shared-threads.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

/** Milliseconds of processor time that one request may hold the event loop. */
const mostStall = 50

test('the lists of an export of 30,000 weights are made without a stall of the event loop', async () => {
  const opened = await openTestCatalog()
  const threads = sharedPool()
  try {
    const derivationOf = (key: string): Derivation => {
      return { op: 'transpose', of: { op: 'reshape', of: { op: 'tensor', key }, dims: [4, 4] }, axes: [1, 0] }
    }
    const graph = (tensor: string) => ({ tensor, path: `graph.initializer.${tensor}`, dtype: 'float32', dims: [4, 4] })
    const names = Array.from({ length: 30_000 }, (_, index) => `encoder.layers.${index}.weight`)
    const correspondence = writeCorrespondence({
      used: names.map(key => ({ key, dtype: 'float32', dims: [16] })),
      unused: [],
      prefix: { drop: '', add: '' },
      weights: names.map(name => ({ ...graph(name), derivation: derivationOf(name) })),
      shared: [],
      ambiguous: [],
      unmatched: [],
      numbers: [],
    })
    const { id } = await insertBareExport(opened.catalog, { name: 'large', correspondence })
    const exports = createExportStore(opened.catalog, threads, { lend: run => run() })
    const summary = await exports.get(id)
    // The first task of a thread loads its modules.
    await exports.text(summary)
    const loop = watchLoop()
    const pieces = [...(await exports.text(summary))]
    const stall = loop.longest()
    loop.stop()
    const item = exportItem.parse(JSON.parse(pieces.join('')))
    if (!('weights' in item)) throw new Error(item.unreadable)
    expect(item.weights).toHaveLength(names.length)
    expect(item.weights[7]).toMatchObject({
      tensor: 'encoder.layers.7.weight',
      keys: ['encoder.layers.7.weight'],
      derivation: 'transpose(reshape(encoder.layers.7.weight, [4, 4]), [1, 0])',
    })
    expect(stall).toBeLessThan(mostStall)
  } finally {
    await threads.close()
    await opened.close()
  }
})
