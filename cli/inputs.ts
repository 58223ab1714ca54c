import type { Command } from 'commander'
import { z } from 'zod'
import type { PlaceOptions } from './connection.ts'
import { isFile } from './local-files.ts'
import { UsageMistake } from './mistakes.ts'
import { readStandardInput, standardInputName, standardStream } from './standard-streams.ts'

/** A model or data set that a command names: a file of this machine, or the id of a record. `shown`: the file's name in messages. */
export type NamedInput = { kind: 'file'; path: string; shown: string } | { kind: 'id'; id: string }

/** Ids and digests, which commands may name if they work on a server or in a store that stays. */
const reference = /^((sha256:)?[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Returns what an argument names. @throws UsageMistake if there is no such file, and the argument is no id */
export async function findInput(text: string, options: PlaceOptions): Promise<NamedInput> {
  if (text === standardStream) return { kind: 'file', path: await readStandardInput(), shown: standardInputName }
  if (await isFile(text)) return { kind: 'file', path: text, shown: text }
  const mayBeId = hasRecords(options)
  if (reference.test(text) && mayBeId) return { kind: 'id', id: text }
  if (reference.test(text))
    throw new UsageMistake(
      `There is no file ${text}. If it is an id, name its server with --server or its store with --store.`,
    )
  throw new UsageMistake(`There is no file ${text}${mayBeId ? ', and it is no id' : ''}. Correct the path.`)
}

/** True if a text has the form of an id or a digest. */
export function isReference(text: string): boolean {
  return reference.test(text)
}

/** True if the commands work where records may be, on a server or in a store that stays. */
export function hasRecords({ server, store }: PlaceOptions): boolean {
  return store !== undefined || Boolean(server ?? process.env['TUREEN_URL'])
}

/** The option of commands that read checkpoints, as {@link addRootOption} declares it. */
export const rootOption = { root: z.string().optional() }

export function addRootOption(command: Command): Command {
  return command.option('--root <keys>', 'place of the dict of tensors in files of torch.save, keys joined by /')
}

/** The option that leaves on a server what a command makes there. */
export const keepOption = { keep: z.boolean().default(false) }
