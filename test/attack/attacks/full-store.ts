import { endlessLoop } from '../../support/hostile-models.ts'
import { json } from '../../support/http-client.ts'
import { npz } from '../../support/npz.ts'
import { linearModel } from '../../support/onnx-model.ts'
import type { Attack } from '../attack.ts'
import { attackServers } from '../attack-servers.ts'

const megabyte = 2 ** 20
/** A model of a bit more than a megabyte; each seed makes another one. */
const largeModel = (seed: number) => linearModel(new Array(megabyte / 8).fill(seed), new Array(megabyte / 8).fill(1))
const fittingModels = Math.floor(Number(attackServers.small.TUREEN_MAX_STORE_BYTES) / largeModel(1).byteLength)

export const fullStore: readonly Attack[] = [
  {
    name: 'full-store',
    does: 'Uploads 30 models of 1 MB at once into a store of 8 MB; as many as fit are taken, and deleting makes room again.',
    server: 'small',
    async run(target, { problem, note }) {
      const upload = async (seed: number) => {
        const response = await target.fetch('/v1/models', { method: 'POST', body: largeModel(seed) })
        await response.arrayBuffer()
        return response.status
      }
      const statuses = await Promise.all(Array.from({ length: 30 }, (_, seed) => upload(seed + 1)))
      const taken = statuses.filter(status => status === 201).length
      note(`${taken} of ${statuses.length} were taken: ${[...new Set(statuses)].join(', ')}`)
      for (const status of new Set(statuses))
        if (![201, 429, 507].includes(status)) problem(`an upload was answered with ${status}`)
      if (taken !== fittingModels) problem(`${taken} models were taken, ${fittingModels} fit`)
      const { items } = await json<{ items: { id: string }[] }>(await target.fetch('/v1/models'))
      const merge = await target.post('/v1/merges?wait=30', {
        models: items.slice(0, 2).map(({ id }, index) => ({ id, weight: index + 1 })),
      })
      note(`a merge in the full store: ${(await merge.text()).match(/TUREEN_\w+/)?.[0]}`)
      for (const { id } of items) {
        const { status } = await target.fetch(`/v1/models/${id}`, { method: 'DELETE' })
        if (status !== 204) problem(`a deletion in the full store was answered with ${status}`)
      }
      if ((await upload(99)) !== 201) problem('after deletions no model is taken')
    },
  },
  {
    name: 'full-queue',
    does: 'Asks for 60 evaluations that never end where 20 may wait; the others are refused, and all can be cancelled.',
    server: 'small',
    async run(target, { problem, note }) {
      const values = { descr: '<f4', shape: [1, 1], data: Float32Array.of(1) }
      const response = await target.fetch('/v1/datasets', { method: 'POST', body: npz({ x: values, t: values }) })
      const { id: dataset } = await json<{ id: string }>(response)
      const model = await target.upload(endlessLoop())
      const request = { model, dataset, inputs: { x: 'x' }, target: 't', metrics: ['mse'] }
      const answers = await Promise.all(Array.from({ length: 60 }, () => target.post('/v1/evaluations', request)))
      const statuses = answers.map(({ status }) => status)
      await Promise.all(answers.map(answer => answer.arrayBuffer()))
      const taken = statuses.filter(status => status === 202).length
      note(`${taken} were taken`)
      for (const status of new Set(statuses))
        if (![202, 429, 503].includes(status)) problem(`a job was answered with ${status}`)
      if (taken > 22 || taken === 0) problem(`${taken} jobs were taken`)
    },
  },
]
