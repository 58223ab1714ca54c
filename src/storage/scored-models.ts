import type { Catalog } from './database.ts'

// A score names the models that it needs by numbers, since the digests of a soup's models would take more room than the score itself.

/** Returns a number for each model. @param digests digests of models */
export async function numberModels(
  transaction: Catalog,
  digests: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  // Each once, and in order, so that two transactions never wait for each other.
  const distinct = [...new Set(digests)].sort()
  if (distinct.length === 0) return new Map()
  await transaction
    .insertInto('scored_models')
    .values(distinct.map(sha256 => ({ sha256 })))
    .onConflict(conflict => conflict.column('sha256').doNothing())
    .execute()
  const rows = transaction.selectFrom('scored_models').select(['sha256', 'number']).where('sha256', 'in', distinct)
  return new Map((await rows.execute()).map(({ sha256, number }) => [sha256, number]))
}

/** Returns the column `models` of a score: the numbers in order, each between two commas. */
export function modelsColumn(numbers: readonly number[]): string {
  return `,${[...numbers].sort((a, b) => a - b).join()},`
}

/**
 * Removes the scores that nobody can use any more, after a record of a model was deleted. A search asks for a score again only while all its
 * models exist, and a list shows it only while the model exists that it is listed for.
 * @param sha256 digest of the deleted record's model. Its scores stay while another record has it
 */
export async function removeScoresOf(transaction: Catalog, sha256: string): Promise<void> {
  const exists = (digest: string) => transaction.selectFrom('models').select('id').where('sha256', '=', digest).limit(1)
  if (await exists(sha256).executeTakeFirst()) return
  const gone = await transaction
    .deleteFrom('scored_models')
    .where('sha256', '=', sha256)
    .returning('number')
    .executeTakeFirst()
  if (gone) {
    const needing = transaction.selectFrom('scores').select('models').where('models', 'like', `%,${gone.number},%`)
    await transaction
      .deleteFrom('scores')
      .where('models', 'in', needing)
      .where(({ or, eb }) =>
        or([
          eb('model_sha256', 'is', null),
          eb('model_sha256', 'not in', transaction.selectFrom('models').select('sha256')),
        ]),
      )
      .execute()
  }
  await unlist(transaction, sha256)
}

/** Takes the scores of a soup from the lists of the deleted model that it became, and removes them if one of the soup's models is gone. */
async function unlist(transaction: Catalog, sha256: string): Promise<void> {
  const listed = transaction.selectFrom('scores').select(['key', 'models']).where('model_sha256', '=', sha256)
  for (const { key, models } of await listed.execute()) {
    const numbers = models.split(',').filter(Boolean).map(Number)
    const { present } = await transaction
      .selectFrom('scored_models')
      .select(({ fn }) => fn.countAll<number>().as('present'))
      .where('number', 'in', numbers)
      .executeTakeFirstOrThrow()
    if (Number(present) < numbers.length) await transaction.deleteFrom('scores').where('key', '=', key).execute()
    else
      await transaction
        .updateTable('scores')
        .set({ model_sha256: null, subject: null })
        .where('key', '=', key)
        .execute()
  }
}
