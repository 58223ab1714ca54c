import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { evaluationClient } from './evaluation-client.ts'
import { projectFile } from './server.ts'

export type SearchJob = ReturnType<typeof searchJob.parse>

/** A client that searches for soups. */
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
    /** Runs a search to its end, successful or not. */
    async search(request: object): Promise<SearchJob> {
      const response = await post('/v1/searches?wait=60', request)
      const body = await response.json()
      if (response.status !== 200) throw new Error(`answered ${response.status}: ${JSON.stringify(body)}`)
      return searchJob.parse(body)
    },
    /** Runs a search that must succeed. */
    async find(request: object): Promise<SearchResult> {
      const { result, error } = await this.search(request)
      if (!result) throw new Error(`the search failed: ${JSON.stringify(error)}`)
      return result
    },
    /** Uploads the fine-tunes of examples/digits and their data sets. */
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

/** Returns a result without the parts in which two runs of one search may differ: times, and IDs and names of the models that they made. */
export function repeatable({ seconds: _, model: { sha256 }, recommended, candidates, ...rest }: SearchResult) {
  return {
    ...rest,
    sha256,
    recommended: { choice: recommended?.choice, reason: recommended?.reason, sha256: recommended?.sha256 },
    candidates: candidates.map(({ seconds: _, cached: __, ...candidate }) => candidate),
  }
}
