import type { ExportItem, ExportListItem, ExportRecord, ExportSummary } from '../../schemas/export.ts'
import { keysOf } from '../export/derivation.ts'
import { ownTurn } from '../own-turn.ts'
import type { Catalog } from '../storage/database.ts'
import type { Page } from '../storage/paging.ts'
import type { RecordFilters } from '../storage/records/record-filters.ts'
import type { Reserve } from '../storage/reserve.ts'
import { isReadable, readOr, unreadableRecord } from '../storage/unreadable.ts'
import { readCorrespondence } from '../threads/correspondence-document.ts'
import { derivationText } from './derivation-text.ts'
import { exportDigest, exportRecords, insertExport, type NewExport } from './export-records.ts'

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
  /** Returns an export with its lists for display, even if its record is damaged. @throws TureenError `TUREEN_NOT_FOUND` */
  read(reference: string): Promise<ExportItem>
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

/** Most characters of a correspondence that take less than a millisecond to parse. */
const quickCharacters = 64 << 10

/** Returns the exports of a store. @param reserve makes deletions possible on a full disk */
export function createExportStore(catalog: Catalog, reserve: Pick<Reserve, 'lend'>): ExportStore {
  const textOf = async ({ id }: ExportSummary): Promise<string> => {
    const row = await catalog.selectFrom('exports').select('correspondence').where('id', '=', id).executeTakeFirst()
    if (!row) throw exportRecords.unknown(id)
    if (row.correspondence.length > quickCharacters) await ownTurn()
    return row.correspondence
  }
  return {
    get: (reference, field) => exportRecords.usable(catalog, reference, field),
    async correspondence(summary) {
      const text = await textOf(summary)
      return readOr(
        () => checkedText(summary, text),
        reason => {
          throw unreadableRecord({ export: summary.id }, reason)
        },
      )
    },
    async read(reference) {
      const found = await exportRecords.find(catalog, reference)
      if (!isReadable(found)) return found
      const text = await textOf(found)
      const { id, name, labels, sha256, createdAt, expiresAt } = found
      return readOr<ExportRecord, ExportItem>(
        () => recordOf(found, checkedText(found, text)),
        unreadable => ({ id, name, labels, sha256, createdAt, expiresAt, unreadable }),
      )
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

/** Returns the text of a correspondence. @throws Error if its digest is not the one in the record */
function checkedText(summary: ExportSummary, text: string): string {
  if (exportDigest(summary, text) === summary.sha256) return text
  throw new Error('its sha256 is not the digest of its correspondence')
}

function recordOf(summary: ExportSummary, text: string): ExportRecord {
  const { weights, unmatched, numbers, ambiguous, shared, unused } = readCorrespondence(text)
  return {
    ...summary,
    weights: weights.map(({ tensor, dtype, dims, derivation }) => ({
      tensor,
      dtype,
      dims,
      keys: [...keysOf(derivation)],
      derivation: derivationText(derivation),
    })),
    unmatched: unmatched.map(({ tensor, dtype, dims, nearest, reason }) => ({ tensor, dtype, dims, nearest, reason })),
    numbers: numbers.map(({ tensor, dtype, dims }) => ({ tensor, dtype, dims })),
    ambiguous: ambiguous.map(({ weights, choices }) => ({ weights, choices: choices.map(derivationText) })),
    shared: shared.map(({ tensor, others }) => ({
      tensor,
      others: others.map(({ output, derivation }) => ({ output, derivation: derivationText(derivation) })),
    })),
    unused,
  }
}
