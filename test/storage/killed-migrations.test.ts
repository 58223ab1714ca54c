import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrations } from '../../src/storage/migrations/migrations.ts'
import { catalogOf, keptModel, killedEverywhere, modelsAfterStart, versionOf } from '../support/killed-migrations.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory.remove())

const names = Object.keys(migrations).sort()

test.each(names.slice(0, -1))(
  'a kill in the midst of the migrations from the version of %s leaves a catalog that is as before, or up to date',
  async version => {
    const path = join(directory.path, 'catalog.sqlite')
    await catalogOf(version, path)
    const before = versionOf(path)
    const copies = await killedEverywhere(path)
    const after = versionOf(path)
    const seen = new Set<string>()
    for (const copy of copies) {
      seen.add(versionOf(join(copy, 'catalog.sqlite')))
      expect(await modelsAfterStart(copy)).toEqual([
        { id: keptModel.id, name: keptModel.name, sha256: keptModel.sha256 },
      ])
      rmSync(copy, { recursive: true })
    }
    expect([...seen]).toEqual([before, after])
  },
)
