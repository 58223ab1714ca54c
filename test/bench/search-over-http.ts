import { readFile } from 'node:fs/promises'
import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { evaluating, type SpawnedServer } from '../support/server.ts'
import { type Digits, membersOf, subsets } from './digits.ts'
import type { SearchContestant, SearchTiming } from './search.ts'
import { withFreshServer } from './with-fresh-server.ts'

/** From the request until its answer is there, with a server and a data directory that have seen no search. */
export function searchOverHttp(digits: Digits, workspace: string, signal: AbortSignal): SearchContestant {
  const find = async ({ url }: SpawnedServer) => searchAt(url, digits, await readFile(digits.validation))
  return {
    name: 'Tureen',
    description: 'POST /v1/searches?wait=60 to a server that has just started, from the request to the whole answer',
    // As `npm start` has it: servers of tests keep one evaluator with all processors.
    search: () => withFreshServer(workspace, signal, find, evaluating),
  }
}

/** Uploads the models and the data, and runs an exhaustive search. Its time is from the request to the whole answer. */
export async function searchAt(
  url: string,
  { models }: Pick<Digits, 'models'>,
  data: Uint8Array<ArrayBuffer>,
): Promise<SearchTiming> {
  const client = evaluationClient(url)
  const ids: string[] = []
  for (const { name, bytes } of models) ids.push(await client.addModel(bytes, name))
  const { id: dataset } = await client.addDataset(data)
  const request = {
    models: ids.map(id => ({ id })),
    strategy: { type: 'exhaustive' },
    selection: { dataset, metric: 'accuracy' },
  }
  const started = performance.now()
  const result = await findOverHttp(url, request)
  const seconds = (performance.now() - started) / 1000
  const running = result.candidates.reduce((sum, candidate) => sum + candidate.seconds, 0)
  return {
    seconds,
    details: { 'result.seconds': result.seconds, 'seconds in evaluators, all together': running },
    accuracies: accuraciesOf(result, ids),
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
