import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { verificationPass } from '../../schemas/service.ts'
import { jsonOr } from './unreadable.ts'

/**
 * How far the background verification is: kept in a file and not in the catalog, since a restored catalog would speak of another disk.
 * `position`: the part of all digests, in order, that the pass under way has behind it, from 0 to 1.
 */
const verificationState = z.object({
  position: z.number().min(0).max(1),
  current: verificationPass.nullable(),
  last: verificationPass.nullable(),
})

export type VerificationState = z.infer<typeof verificationState>

const fileIn = (directory: string) => join(directory, 'verification.json')

/** The state that was written last; that of a store which was never verified if there is none, or it cannot be read. */
export async function readVerification(directory: string): Promise<VerificationState> {
  const text = await readFile(fileIn(directory), 'utf8').catch(() => '')
  return jsonOr(verificationState, text, { position: 0, current: null, last: null })
}

/** Writes the state down, whole or not at all. If it is lost, some files are verified once more. */
export async function writeVerification(directory: string, state: VerificationState): Promise<void> {
  const draft = join(directory, `.verification.json.${randomUUID()}`)
  try {
    await writeFile(draft, `${JSON.stringify(state)}\n`, { flag: 'wx' })
    await rename(draft, fileIn(directory))
  } finally {
    await rm(draft, { force: true })
  }
}
