import { z } from 'zod'
import type { PlaceOptions } from './connection.ts'
import { isFile } from './local-files.ts'
import { UsageMistake } from './mistakes.ts'

/** A model or data set that a command names: a file of this machine, or the id of a record. */
export type NamedInput = { kind: 'file'; path: string } | { kind: 'id'; id: string }

/** Ids and digests, which commands may name if they work on a server or in a store that stays. */
const reference = /^((sha256:)?[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Returns what an argument names. @throws UsageMistake if there is no such file, and the argument is no id */
export async function findInput(text: string, { server, store }: PlaceOptions): Promise<NamedInput> {
  if (await isFile(text)) return { kind: 'file', path: text }
  const hasRecords = store !== undefined || Boolean(server ?? process.env['TUREEN_URL'])
  if (reference.test(text) && hasRecords) return { kind: 'id', id: text }
  if (reference.test(text))
    throw new UsageMistake(
      `There is no file ${text}. If it is an id, name its server with --server or its store with --store.`,
    )
  throw new UsageMistake(`There is no file ${text}${hasRecords ? ', and it is no id' : ''}. Correct the path.`)
}

/** The option that leaves on a server what a command makes there. */
export const keepOption = { keep: z.boolean().default(false) }
