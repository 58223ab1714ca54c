import type { ModelRecord } from '../../schemas/model.ts'
import type { HeavyModel } from './heavy-model.ts'
import type { MergeJob } from './store-client.ts'

/** A model that a client has uploaded or a merge has made, as the client knows it. */
export type KeptModel = { id: string; name: string; sha256: string; bytes: number; source: HeavyModel | undefined }

/** A merge that a client has requested. Its name is unique. */
export type KeptMerge = {
  name: string
  provenance: boolean
  inputs: readonly { id: string; weight: number; source: HeavyModel }[]
  jobId: string | undefined
  /** The result as it was first seen. It must never change. */
  result: { id: string; sha256: string } | undefined
}

/** An operation that was sent and has no answer yet. Both states are right if the server dies now. */
export type Operation =
  | { kind: 'upload'; name: string; sha256: string; source: HeavyModel }
  | { kind: 'delete'; model: KeptModel }
  | { kind: 'merge'; merge: KeptMerge }

/**
 * Answers that the clients of a server got, kept outside the server. `settle` compares a restarted server with them: everything
 * acknowledged is there, nothing else is, and each operation in progress happened completely or not at all.
 */
export function killLedger() {
  const models = new Map<string, KeptModel>()
  const merges = new Map<string, KeptMerge>()
  const deleted = new Set<string>()
  /** Names of acknowledged uploads whose answer with the ID was lost. */
  const nameless = new Map<string, Extract<Operation, { kind: 'upload' }>>()
  const underWay = new Set<Operation>()

  const acknowledgeUpload = (operation: Extract<Operation, { kind: 'upload' }>, id: string | undefined) => {
    const { name, sha256, source } = operation
    if (id === undefined) nameless.set(name, operation)
    else models.set(id, { id, name, sha256, bytes: source.bytes, source })
  }
  const acknowledgeDelete = ({ id }: KeptModel) => {
    models.delete(id)
    deleted.add(id)
  }

  return {
    models,
    merges,
    deleted,
    underWay,
    acknowledgeUpload,
    acknowledgeDelete,
    acknowledgeMerge: (merge: KeptMerge) => merges.set(merge.name, merge),

    /** True if a model may be deleted or merged now, because no operation in progress uses it. */
    isFree({ id }: KeptModel): boolean {
      return ![...underWay].some(operation =>
        operation.kind === 'delete'
          ? operation.model.id === id
          : operation.kind === 'merge' && operation.merge.inputs.some(input => input.id === id),
      )
    },

    /** Compares, and notes how the operations in progress have ended. @returns the problems, and the ends of these operations */
    settle(
      found: readonly ModelRecord[],
      jobs: readonly MergeJob[],
    ): { wrong: string[]; happened: string[]; not: string[] } {
      const wrong: string[] = []
      const happened: string[] = []
      const not: string[] = []
      const byId = new Map(found.map(record => [record.id, record]))
      const byName = Map.groupBy(found, ({ name }) => name ?? '')
      const jobsByName = Map.groupBy(jobs, ({ request }) => request.name ?? '')

      for (const operation of underWay) {
        let did: boolean
        if (operation.kind === 'upload') {
          const [record] = byName.get(operation.name) ?? []
          did = record !== undefined
          if (record) acknowledgeUpload(operation, record.id)
        } else if (operation.kind === 'delete') {
          did = !byId.has(operation.model.id)
          if (did) acknowledgeDelete(operation.model)
        } else {
          did = jobsByName.has(operation.merge.name)
          if (did) merges.set(operation.merge.name, operation.merge)
        }
        if (did) happened.push(operation.kind)
        else not.push(operation.kind)
      }
      underWay.clear()

      for (const [name, operation] of nameless) {
        const [record] = byName.get(name) ?? []
        if (record) acknowledgeUpload(operation, record.id)
        else wrong.push(`the acknowledged upload ${name} is lost`)
      }
      nameless.clear()

      for (const merge of merges.values()) {
        const [job, ...others] = jobsByName.get(merge.name) ?? []
        if (!job || others.length > 0) {
          wrong.push(`the merge ${merge.name} has ${others.length + (job ? 1 : 0)} jobs`)
          continue
        }
        merge.jobId ??= job.id
        if (merge.jobId !== job.id) wrong.push(`the merge ${merge.name} has the job ${job.id}, not ${merge.jobId}`)
        if (job.status === 'failed' || job.status === 'cancelled')
          wrong.push(`the merge ${merge.name} has ${job.status}: ${JSON.stringify(job.error)}`)
        const result = job.result?.model
        if (merge.result && merge.result.id !== result?.id)
          wrong.push(`the merge ${merge.name} was done and is ${job.status} again`)
        if (job.status !== 'succeeded') continue
        if (!result) {
          wrong.push(`the merge ${merge.name} has succeeded without a result`)
          continue
        }
        if (!merge.result) models.set(result.id, { ...result, name: merge.name, source: undefined })
        merge.result = result
      }
      const known = new Set([...merges.keys()])
      for (const name of jobsByName.keys()) if (!known.has(name)) wrong.push(`nobody has asked for the job ${name}`)

      for (const { id, name, sha256, bytes } of models.values()) {
        const record = byId.get(id)
        if (!record) wrong.push(`the acknowledged model ${name} (${id}) is lost`)
        else if (
          record.sha256 !== sha256 ||
          record.bytes !== bytes ||
          record.name !== name ||
          record.status !== 'complete'
        )
          wrong.push(`the acknowledged model ${name} (${id}) has become ${JSON.stringify(record)}`)
        else if (record.labels.of !== name) wrong.push(`the acknowledged model ${name} (${id}) has lost its label`)
      }
      for (const { id, name } of found) {
        if (deleted.has(id)) wrong.push(`the deleted model ${name} (${id}) is back`)
        else if (!models.has(id)) wrong.push(`nobody has been told of the model ${name} (${id})`)
      }
      return { wrong, happened, not }
    },
  }
}

export type KillLedger = ReturnType<typeof killLedger>
