import { z } from 'zod'
import { parseKnown } from './known-fields.ts'

/** The field with the version of a document. A document of version 1 has none, so that the versions before it can read it. */
const versionField = 'documentVersion'

/**
 * A kind of JSON document that the catalog keeps. `name`: its name in sentences, such as "request". `upgrades`: functions that make a
 * document of version 2 of one of version 1, and so on. The present version is the one after them.
 *
 * A new field that older versions may ignore needs no new version. Any other change does.
 */
export type DocumentKind = { name: string; upgrades: readonly ((older: object) => object)[] }

/** The error of a document that a newer version of Tureen wrote. */
export class NewerDocument extends Error {}

/**
 * Reads a stored document, and brings it to the present version.
 * @returns the document without its version. The caller checks it by a schema
 * @throws NewerDocument; Error that names the document if it is damaged
 */
export function openDocument({ name, upgrades }: DocumentKind, text: string): object {
  const document = objectIn(name, text)
  const { [versionField]: version = 1, ...fields } = document
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    throw new Error(`its ${name} has no valid version (${JSON.stringify(version)})`)
  requireKnown({ name, upgrades }, version)
  return upgrades.slice(version - 1).reduce<object>((older, upgrade) => upgrade(older), fields)
}

/**
 * Reads a stored document as {@link openDocument} does, and checks it by a schema.
 * @throws NewerDocument; Error that names the document if it is damaged
 */
export function readDocument<Value>(kind: DocumentKind, schema: z.ZodType<Value>, text: string): Value {
  const document = openDocument(kind, text)
  try {
    return parseKnown(schema, document)
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : []
    if (!issue) throw error
    throw new Error(`its ${[kind.name, ...issue.path].join('.')} is not valid (${issue.message})`)
  }
}

/** Returns the text of a document of the present version. */
export function writeDocument({ upgrades }: DocumentKind, document: object): string {
  const version = upgrades.length + 1
  return JSON.stringify(version === 1 ? document : { [versionField]: version, ...document })
}

/** Returns the version of a document by the beginning of its text, 40 characters at least. */
function versionAt(beginning: string): number {
  return Number(/^\{"documentVersion":(\d{1,15})[,}]/.exec(beginning)?.[1] ?? 1)
}

/** True if a newer version wrote the document whose text begins so. */
export function isNewer({ upgrades }: DocumentKind, beginning: string): boolean {
  return versionAt(beginning) > upgrades.length + 1
}

/** Refuses a document that the caller does not read as a whole, by the beginning of its text. @throws NewerDocument */
export function refuseNewer(kind: DocumentKind, beginning: string): void {
  requireKnown(kind, versionAt(beginning))
}

function requireKnown({ name, upgrades }: DocumentKind, version: number): void {
  const present = upgrades.length + 1
  if (version > present) throw new NewerDocument(newerText(name, version, present))
}

const object = z.record(z.string(), z.unknown())

function objectIn(name: string, text: string): Record<string, unknown> {
  try {
    return object.parse(JSON.parse(text))
  } catch (error) {
    const reason = error instanceof z.ZodError ? 'it is no JSON object' : error instanceof Error ? error.message : error
    throw new Error(`its ${name} cannot be read (${reason})`)
  }
}

function newerText(name: string, version: number, present: number): string {
  return `its ${name} was written by a newer version of Tureen (document version ${version}; this version knows ${present})`
}
