import type { ExportItem, ExportListItem, ExportSummary } from '../../schemas/export.ts'
import { ownTurn } from '../own-turn.ts'
import type { Catalog } from '../storage/database.ts'
import type { Page } from '../storage/paging.ts'
import type { RecordFilters } from '../storage/records/record-filters.ts'
import type { Reserve } from '../storage/reserve.ts'
import { readOr, unreadableRecord } from '../storage/unreadable.ts'
import { checkedText } from '../threads/correspondence-document.ts'
import { textOf } from '../threads/text-pieces.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { exportRecords, insertExport, type NewExport } from './export-records.ts'

/** The stored exports: how the weights of models follow from checkpoints. */
export type ExportStore = {
  /**
   * Returns an export without its lists.
   * @param field the field of the request with the reference
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`
   */
  get(reference: string, field?: string): Promise<ExportSummary>
  /**
   * Returns the text of an export's correspondence, whose digest is the one in the record.
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`
   */
  correspondence(summary: ExportSummary): Promise<string>
  /** Returns an export without its lists, even if its record is damaged. @throws TureenError `TUREEN_NOT_FOUND` */
  find(reference: string): Promise<ExportListItem>
  /**
   * Returns the JSON text of an export with its lists, in pieces: of an {@link ExportItem}, since its lists may be damaged. A worker thread
   * makes it.
   * @throws TureenError `TUREEN_NOT_FOUND`
   */
  text(summary: ExportSummary): Promise<Iterable<string>>
  list(filters: RecordFilters): Promise<Page<ExportListItem>>
  /** Inserts a record in a transaction of the caller. @returns the record */
  insert(transaction: Catalog, made: NewExport): Promise<ExportSummary>
  /**
   * Deletes an export. Models that were made by it stay.
   * @param allow called with the record just before its deletion; it may throw to prevent that
   * @throws TureenError `TUREEN_IN_USE` while a job that has not ended needs it
   */
  remove(reference: string, allow: (summary: ExportListItem) => void): Promise<void>
}

/** Most characters of a correspondence that take less than a millisecond to hash. */
const quickCharacters = 64 << 10

/** Returns the exports of a store. @param reserve makes deletions possible on a full disk */
export function createExportStore(
  catalog: Catalog,
  threads: Pick<ThreadPool, 'describeExport'>,
  reserve: Pick<Reserve, 'lend'>,
): ExportStore {
  const correspondenceOf = async ({ id }: ExportSummary): Promise<string> => {
    const row = await catalog.selectFrom('exports').select('correspondence').where('id', '=', id).executeTakeFirst()
    if (!row) throw exportRecords.unknown(id)
    return row.correspondence
  }
  return {
    get: (reference, field) => exportRecords.usable(catalog, reference, field),
    async correspondence(summary) {
      const text = await correspondenceOf(summary)
      if (text.length > quickCharacters) await ownTurn()
      return readOr(
        () => checkedText(summary, text),
        reason => {
          throw unreadableRecord({ export: summary.id }, reason)
        },
      )
    },
    find: reference => exportRecords.find(catalog, reference),
    async text(summary) {
      return textOf(await threads.describeExport({ summary, text: await correspondenceOf(summary) }))
    },
    list: filters => exportRecords.list(catalog, filters),
    async insert(transaction, made) {
      const id = await insertExport(transaction, made)
      return exportRecords.usable(transaction, id)
    },
    remove: (reference, allow) =>
      reserve.lend(() =>
        catalog.transaction().execute(async transaction => {
          await exportRecords.remove(transaction, reference, allow)
        }),
      ),
  }
}
