import { cpSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backUpStore } from '../../src/store-tools/back-up-store.ts'
import { checkStore } from '../../src/store-tools/store-check.ts'
import { contentFile, type Filled, fill, flipBit, lastingStore, serving } from '../support/filled-store.ts'
import { json, merge, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { otherFileSystem } from '../support/other-file-system.ts'
import { downloadDigest, listAll } from '../support/store-client.ts'

let store: Awaited<ReturnType<typeof lastingStore>>
let target: string
beforeEach(async () => {
  store = await lastingStore()
  target = join(store.parent, 'backup')
})
afterEach(() => store.remove())

const findings = async (directory: string) => {
  const found: string[] = []
  await checkStore(directory, { deep: true, onFinding: ({ place, message }) => void found.push(`${place} ${message}`) })
  return found
}

/** Every record of a server, and that its content is what it says. */
const everything = async (url: string) => {
  const models = await listAll(url, 'models')
  for (const { id, sha256 } of models) expect((await downloadDigest(url, id)).sha256).toBe(sha256)
  const { items: datasets } = await json<{ items: Filled['val'][] }>(await fetch(`${url}/v1/datasets`))
  const { items: jobs } = await json<{ items: { id: string }[] }>(await fetch(`${url}/v1/jobs`))
  return { models, datasets, jobs }
}

test('a backup of a running server, restored, has every record, job and file', async () => {
  const before = await store.serving(async url => {
    const { a, b } = await fill(url)
    await merge(url, { models: [{ id: a.id }, { id: b.id }], name: 'soup' })
    const made = await backUpStore(store.data, target)
    expect(made).toMatchObject({ linked: 4, copied: 0, findings: [] })
    return everything(url)
  })
  expect(await findings(target)).toEqual([])
  await rm(store.data, { recursive: true })
  cpSync(target, store.data, { recursive: true })
  await store.serving(async url => {
    expect(await everything(url)).toEqual(before)
    await fill(url)
  })
}, 300_000)

test('a backup while models come and go is a consistent store', async () => {
  await store.serving(async url => {
    const { a, b } = await fill(url)
    const ending = new AbortController()
    const churn = async (seed: number) => {
      for (let round = 0; !ending.signal.aborted; round += 1) {
        const { id } = await uploadModel(url, linearModel([seed + round / 1000], [1]))
        if (round % 3 > 0) await fetch(`${url}/v1/models/${id}`, { method: 'DELETE' })
      }
    }
    const churning = [1, 2, 3].map(churn)
    for (let count = 0; count < 5; count += 1) {
      const directory = join(store.parent, `backup-${count}`)
      expect((await backUpStore(store.data, directory)).findings).toEqual([])
      expect(await findings(directory)).toEqual([])
    }
    ending.abort()
    await Promise.all(churning)
    await serving(join(store.parent, 'backup-4'), async restored => {
      const ids = (await everything(restored)).models.map(({ id }) => id)
      expect(ids).toEqual(expect.arrayContaining([a.id, b.id]))
    })
  })
}, 300_000)

describe('content is linked', () => {
  test('so a backup takes no second room, and outlives the deletion of the original', async () => {
    await store.serving(async url => {
      const { a } = await fill(url)
      await backUpStore(store.data, target)
      expect(statSync(contentFile(target, a.sha256)).ino).toBe(statSync(contentFile(store.data, a.sha256)).ino)
      await fetch(`${url}/v1/models/${a.id}`, { method: 'DELETE' })
    })
    expect(await findings(target)).toEqual([])
  })

  test('or copied to another file system, and compared with its digest', async context => {
    await store.serving(async url => {
      const { a } = await fill(url)
      flipBit(contentFile(store.data, a.sha256), 40)
    })
    const other = otherFileSystem(store.data)
    if (!other) return context.skip('there is no other file system')
    try {
      const made = await backUpStore(store.data, join(other.path, 'backup'))
      expect(made).toMatchObject({ linked: 0, copied: 3 })
      expect(made.findings).toMatchObject([{ message: expect.stringMatching(/^is damaged; it belongs to the model/) }])
    } finally {
      other.remove()
    }
  })
})

describe('what is wrong with the store is told', () => {
  test('content that is missing, and the rest is in the backup', async () => {
    const { a } = await store.serving(fill)
    await rm(contentFile(store.data, a.sha256))
    const { findings: found, linked } = await backUpStore(store.data, target)
    expect(linked).toBe(2)
    expect(found).toMatchObject([{ message: `is missing; it belongs to the model ${a.id}` }])
  })

  test('a damaged catalog makes no backup, and leaves nothing', async () => {
    await store.serving(fill)
    writeFileSync(join(store.data, 'catalog.sqlite'), 'x'.repeat(5000))
    await expect(backUpStore(store.data, target)).rejects.toThrow()
    expect(readdirSync(store.parent)).toEqual(['data'])
  })
})

describe('refuses, and changes nothing', () => {
  test('a source that is not a store', async () => {
    await mkdir(store.data)
    await expect(backUpStore(store.data, target)).rejects.toThrow('is not a store of Tureen')
  })

  test('a target that is not empty', async () => {
    await store.serving(fill)
    await mkdir(target)
    writeFileSync(join(target, 'mine.txt'), 'x')
    await expect(backUpStore(store.data, target)).rejects.toThrow('is not empty')
    expect(readdirSync(target)).toEqual(['mine.txt'])
  })

  test('where another backup has been cut off', async () => {
    await store.serving(fill)
    await mkdir(`${target}.partial`)
    await expect(backUpStore(store.data, target)).rejects.toThrow('was cut off')
  })
})
