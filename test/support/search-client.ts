import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { evaluationClient } from './evaluation-client.ts'
import { projectFile } from './server.ts'

export type SearchJob = ReturnType<typeof searchJob.parse>

/** What a test does with the service to search for a soup. */
export function searchClient(url: string) {
  const post = (path: string, body: object) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return {
    ...evaluationClient(url),
    post,
    /** Searches to the end, whatever that is. */
    async search(request: object): Promise<SearchJob> {
      const response = await post('/v1/searches?wait=60', request)
      const body = await response.json()
      if (response.status !== 200) throw new Error(`answered ${response.status}: ${JSON.stringify(body)}`)
      return searchJob.parse(body)
    },
    /** Searches to an end that must be a result. */
    async find(request: object): Promise<SearchResult> {
      const { result, error } = await this.search(request)
      if (!result) throw new Error(`the search failed: ${JSON.stringify(error)}`)
      return result
    },
    /** The fine-tunes of examples/digits and their data sets, uploaded. */
    async addDigits(): Promise<{ ids: string[]; val: string; test: string }> {
      const ids: string[] = []
      for (let index = 0; index < 8; index += 1)
        ids.push(await this.addModel(await projectFile(`examples/digits/ft${index}.onnx`), `ft${index}`))
      const val = await this.addDataset(await projectFile('examples/digits/val.npz'))
      const test = await this.addDataset(await projectFile('examples/digits/test.npz'))
      return { ids, val: val.id, test: test.id }
    },
  }
}

/** A result without what two runs of one search may differ in: times, and the ids of the models that they made. */
export function repeatable({ seconds: _, model: { sha256 }, candidates, ...rest }: SearchResult) {
  return { ...rest, sha256, candidates: candidates.map(({ seconds: _, cached: __, ...candidate }) => candidate) }
}
