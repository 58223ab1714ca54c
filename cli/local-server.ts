import { readJson } from '../client/exchange.ts'
import type { Transport } from '../client/index.ts'
import { TureenConnectionError, TureenProblem } from '../client/index.ts'
import { parseProblem } from '../client/problem.ts'
import type { DatasetRecord } from '../schemas/dataset.ts'
import type { LocalChanges, LocalData, LocalDataset, LocalModel, LocalPath } from '../schemas/local-files.ts'
import type { ModelRecord } from '../schemas/model.ts'
import { CommandFailure } from './mistakes.ts'

/** Requests that only the server inside a command has. It takes over files of this machine by their paths. All paths are absolute. */
export type LocalServer = {
  adoptModel(model: LocalModel, signal: AbortSignal): Promise<ModelRecord>
  adoptData(id: string, data: LocalData, signal: AbortSignal): Promise<ModelRecord>
  adoptDataset(dataset: LocalDataset, signal: AbortSignal): Promise<DatasetRecord>
  /** Returns the paths of files that the server reads in place, and that somebody has changed since it took them over. */
  changed(): Promise<string[]>
  /** Returns the path of a model's own file in the store, which nobody may write to. */
  modelPath(id: string, signal: AbortSignal): Promise<string>
}

export function localServer(transport: Transport): LocalServer {
  const send = async (method: string, path: string, body: object | undefined, signal: AbortSignal) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await transport({ method, url: `http://localhost/local/${path}`, headers, ...sent, signal })
    if (answer.ok) return answer
    const problem = parseProblem(await answer.text())
    if (problem) throw new TureenProblem(problem)
    throw new TureenConnectionError(`${method} /local/${path} was answered with ${answer.status}.`)
  }
  return {
    adoptModel: async (model, signal) => readJson<ModelRecord>(await send('POST', 'models', model, signal)),
    adoptData: async (id, data, signal) => readJson<ModelRecord>(await send('PUT', `models/${id}/data`, data, signal)),
    adoptDataset: async (dataset, signal) => readJson<DatasetRecord>(await send('POST', 'datasets', dataset, signal)),
    async changed() {
      return (await readJson<LocalChanges>(await send('GET', 'changes', undefined, AbortSignal.any([])))).changed
    },
    async modelPath(id, signal) {
      return (await readJson<LocalPath>(await send('GET', `models/${id}/path`, undefined, signal))).path
    },
  }
}

/** Checks that the files that a command reads in place are as they were at its beginning. @throws CommandFailure that names a changed one */
export async function requireUnchanged(local: LocalServer | null): Promise<void> {
  const [first, ...others] = (await local?.changed()) ?? []
  if (first === undefined) return
  throw new CommandFailure(
    `${first} was changed while the command read it, so its result would be of neither version.`,
    [...others.map(path => `${path} was changed, too.`), 'Run the command again when nobody writes to the file.'],
  )
}
