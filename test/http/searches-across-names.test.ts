import { afterAll, beforeAll, expect, test } from 'vitest'
import { model as modelSchema } from '../../schemas/model.ts'
import { renamedModel } from '../support/renamed-model.ts'
import { searchClient } from '../support/search-client.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof searchClient>
beforeAll(async () => {
  app = await startApp()
  client = searchClient(app.url)
})
afterAll(() => app.close())

test('a search among files with other names finds what it finds among those with the same, in the first one’s file', async () => {
  const files = await Promise.all([1, 3, 5].map(number => projectFile(`examples/digits/ft${number}.onnx`)))
  const { id: dataset } = await client.addDataset(await projectFile('examples/digits/val.npz'))
  const search = async (models: Uint8Array[]) => {
    const ids: string[] = []
    for (const [index, bytes] of models.entries())
      ids.push(await client.addModel(Uint8Array.from(bytes), `ft ${index}`))
    const { winner, bestSingle, candidates, model, notes } = await client.find({
      models: ids.map(id => ({ id })),
      strategy: { type: 'exhaustive' },
      selection: { dataset, metric: 'accuracy' },
    })
    const places = (some: string[]) => some.map(id => ids.indexOf(id))
    const scores = candidates.map(each => [places(each.models).join(), each.score])
    return { winner: places(winner.models), best: places(bestSingle.models), scores, model, notes }
  }
  const plain = await search(files)
  const renamed = await search(files.map((bytes, index) => (index === 0 ? bytes : renamedModel(bytes, `n${index}.`))))
  expect({ ...renamed, model: null, notes: null }).toEqual({ ...plain, model: null, notes: null })
  expect(renamed.notes.filter(note => /has other names for \d+ of the weights/.test(note))).toHaveLength(2)
  expect(plain.notes.join()).not.toContain('names')
  expect(new Set(plain.scores.map(([, score]) => score)).size).toBeGreaterThan(3)
  const made = modelSchema.parse(await (await fetch(`${app.url}/v1/models/${renamed.model.id}`)).json())
  const original = modelSchema.parse(await (await fetch(`${app.url}/v1/models/${plain.model.id}`)).json())
  expect(made.inputs).toEqual(original.inputs)
  expect(made.fingerprint).toBe(original.fingerprint)
})
