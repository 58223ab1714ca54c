import { expect } from 'vitest'
import { conversionJob, exportJob } from '../../schemas/job.ts'
import { type StateDict, safetensorsOf, trainedNet } from './exported-net.ts'
import { json, postJson, uploadModel } from './http-client.ts'

/** Checkpoints of one network, each of another epoch. */
export const epochs: readonly [StateDict, StateDict, StateDict] = [trainedNet(1), trainedNet(2), trainedNet(3)]

/** Returns requests about exports. Each waits for the end of its job. @param url address of a server that has started */
export function exportsClient(url: () => string) {
  const exportOf = async (body: object) =>
    exportJob.parse(await json(await postJson(`${url()}/v1/exports?wait=30`, body)))
  const conversionOf = async (id: string, body: object) =>
    conversionJob.parse(await json(await postJson(`${url()}/v1/exports/${id}/models?wait=30`, body)))
  const succeeded = <Result>({ result, error }: { result?: Result | undefined; error?: unknown }): Result => {
    if (!result) throw new Error(JSON.stringify(error))
    return result
  }
  return {
    exportOf,
    conversionOf,
    upload: (state: StateDict, query = '') => uploadModel(url(), safetensorsOf(state), query),
    async contentOf(id: string, query = ''): Promise<Uint8Array<ArrayBuffer>> {
      const response = await fetch(`${url()}/v1/models/${id}/content${query}`)
      expect(response.status).toBe(200)
      return new Uint8Array(await response.arrayBuffer())
    },
    exported: async (body: object) => succeeded(await exportOf(body)).export,
    converted: async (id: string, body: object) => succeeded(await conversionOf(id, body)),
  }
}
