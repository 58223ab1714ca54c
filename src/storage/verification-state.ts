import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { verificationPass } from '../../schemas/service.ts'
import { type DocumentKind, readDocument, writeDocument } from './documents/stored-document.ts'
import { closeToOthers } from './private-files.ts'
import { readOr } from './unreadable.ts'

/**
 * The progress of the background verification. It is kept in a file and not in the catalog, since a restored catalog may be from another
 * disk. `position`: share of all digests, in order, that the running pass has verified, from 0 to 1.
 */
const verificationState = z.object({
  position: z.number().min(0).max(1),
  current: verificationPass.nullable(),
  last: verificationPass.nullable(),
})

export type VerificationState = z.infer<typeof verificationState>

/** The state that `verification.json` keeps. */
const stateDocument: DocumentKind = { name: 'state', upgrades: [] }

const fileIn = (directory: string) => join(directory, 'verification.json')

/** Reads the last state. If there is none, or if it cannot be read, returns the state of a store that was never verified. */
export async function readVerification(directory: string): Promise<VerificationState> {
  const text = await readFile(fileIn(directory), 'utf8').catch(() => '')
  return readOr<VerificationState, VerificationState>(
    () => readDocument(stateDocument, verificationState, text),
    () => ({ position: 0, current: null, last: null }),
  )
}

/** Writes the state atomically. If it gets lost, the server verifies some files once more. */
export async function writeVerification(directory: string, state: VerificationState): Promise<void> {
  const draft = join(directory, `.verification.json.${randomUUID()}`)
  try {
    await writeFile(draft, `${writeDocument(stateDocument, state)}\n`, { flag: 'wx' })
    await closeToOthers(draft)
    await rename(draft, fileIn(directory))
  } finally {
    await rm(draft, { force: true })
  }
}
