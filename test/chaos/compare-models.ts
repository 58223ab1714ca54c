import type { FixedInputs } from './chaos-client.ts'
import type { ChaosLedger } from './chaos-ledger.ts'
import type { StoreReader } from './store-reader.ts'

/**
 * Compares the models of a cluster with what clients were told: each acknowledged upload and each soup is there once with its content,
 * deleted models are gone, and there are no others.
 * @param soups the digests of the soups that jobs made, by the ids of their records
 */
export async function compareModels(
  { send, list }: StoreReader,
  { uploads, deleted, problem }: ChaosLedger,
  { models: fixed }: FixedInputs,
  soups: ReadonlyMap<string, string>,
): Promise<void> {
  const models = await list('models')
  const found = new Map(models.map(model => [model.id, model]))
  if (found.size !== models.length) problem('a model is listed twice')
  for (const { id, name, sha256 } of uploads.values())
    if (found.get(id)?.sha256 !== sha256) problem(`the upload ${name} is ${JSON.stringify(found.get(id))}`)
  for (const [id, sha256] of soups) if (found.get(id)?.sha256 !== sha256) problem(`the soup ${id} is gone`)
  for (const { id, name } of models) {
    if (deleted.has(id)) problem(`${name} is there although its deletion was acknowledged`)
    else if (!uploads.has(id) && !soups.has(id) && !fixed.includes(id)) problem(`nobody was told of ${name} (${id})`)
  }
  // A server verifies the digest of content when it fetches the first byte.
  for (const { id, sha256 } of models) {
    const { status, text } = await send(`/v1/models/${id}/content`, { headers: { range: 'bytes=0-0' } })
    if (status !== 206) problem(`the content ${sha256} of ${id} is answered with ${status}: ${text}`)
  }
}
