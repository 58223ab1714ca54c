import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ExportSummary } from '../../schemas/export.ts'
import type { Correspondence } from '../export/correspondence.ts'
import { type DocumentKind, readDocument, writeDocument } from '../storage/documents/stored-document.ts'

/** The correspondence that the catalog keeps of an export. */
const correspondenceDocument: DocumentKind = { name: 'correspondence', upgrades: [] }

/** Returns the text of a correspondence for the catalog. */
export function writeCorrespondence(correspondence: Correspondence): string {
  return writeDocument(correspondenceDocument, correspondence)
}

/**
 * Reads the text of a correspondence. The caller has compared its digest, so that it has the form in which it was written.
 * @throws NewerDocument; Error that names the document if it is no JSON object
 */
export function readCorrespondence(text: string): Correspondence {
  return readDocument(correspondenceDocument, z.custom<Correspondence>(), text)
}

/** Returns the digest of an export: of its model, its checkpoint and the text of its correspondence. */
export function exportDigest(
  { model, checkpoint }: Pick<ExportSummary, 'model' | 'checkpoint'>,
  correspondence: string,
): string {
  const whole = JSON.stringify([model.sha256, checkpoint.sha256, correspondence])
  return `sha256:${createHash('sha256').update(whole).digest('hex')}`
}

/** Returns the text of a correspondence. @throws Error if its digest is not the one in the record */
export function checkedText(summary: ExportSummary, text: string): string {
  if (exportDigest(summary, text) === summary.sha256) return text
  throw new Error('its sha256 is not the digest of its correspondence')
}
