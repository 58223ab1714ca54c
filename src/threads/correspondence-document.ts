import { z } from 'zod'
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
