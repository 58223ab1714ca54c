import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { evaluating, spawnServer } from '../support/server.ts'
import { type Digits, membersOf, subsets } from './digits.ts'
import type { SearchContestant } from './search.ts'

/** From the request until its answer is there, with a server and a data directory that have seen no search. */
export function searchOverHttp(
  { models, validation }: Digits,
  workspace: string,
  signal: AbortSignal,
): SearchContestant {
  return {
    name: 'Tureen',
    description: 'POST /v1/searches?wait=60 to a server that has just started, from the request to the whole answer',
    async search() {
      const data = await mkdtemp(join(workspace, 'data-'))
      // As `npm start` has it: servers of tests keep one evaluator with all processors.
      const server = await spawnServer(data, evaluating)
      const kill = () => server.process.kill('SIGKILL')
      signal.addEventListener('abort', kill)
      try {
        const client = evaluationClient(server.url)
        const ids: string[] = []
        for (const { name, bytes } of models) ids.push(await client.addModel(bytes, name))
        const { id: dataset } = await client.addDataset(await readFile(validation))
        const request = {
          models: ids.map(id => ({ id })),
          strategy: { type: 'exhaustive' },
          selection: { dataset, metric: 'accuracy' },
        }
        const started = performance.now()
        const result = await findOverHttp(server.url, request)
        const seconds = (performance.now() - started) / 1000
        const running = result.candidates.reduce((sum, candidate) => sum + candidate.seconds, 0)
        return {
          seconds,
          details: { 'result.seconds': result.seconds, 'seconds in evaluators, all together': running },
          accuracies: accuraciesOf(result, ids),
        }
      } finally {
        signal.removeEventListener('abort', kill)
        server.process.kill('SIGTERM')
        await server.exited
        await rm(data, { recursive: true, force: true })
      }
    },
  }
}

/** Runs a search to its end. @throws Error if it does not succeed */
export async function findOverHttp(url: string, request: object): Promise<SearchResult> {
  const answer = async (response: Response) => {
    const text = await response.text()
    if (!response.ok) throw new Error(`the search was answered ${response.status}: ${text}`)
    return searchJob.parse(JSON.parse(text))
  }
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(request)
  let job = await answer(await fetch(`${url}/v1/searches?wait=60`, { method: 'POST', headers, body }))
  while (job.status === 'queued' || job.status === 'running')
    job = await answer(await fetch(`${url}/v1/jobs/${job.id}?wait=60`))
  if (!job.result) throw new Error(`the search ${job.status}: ${JSON.stringify(job.error)}`)
  return job.result
}

/** @throws Error if the search did not score every subset itself */
function accuraciesOf({ candidates }: SearchResult, ids: readonly string[]): number[] {
  const scores = new Map(candidates.map(candidate => [candidate.models.toSorted().join(), candidate]))
  return subsets(ids.length).map(subset => {
    const candidate = scores.get(membersOf(subset, ids).toSorted().join())
    if (candidate?.score === undefined || candidate.score === null)
      throw new Error(`the search has no score for subset ${subset}`)
    if (candidate.cached) throw new Error('a score came from another job: this is no measurement')
    return candidate.score
  })
}
