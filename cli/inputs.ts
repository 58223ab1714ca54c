import { basename, dirname, join } from 'node:path'
import { v4 as randomId } from 'uuid'
import { z } from 'zod'
import { fileBlob } from '../client/files.ts'
import type { ModelRecord } from '../schemas/model.ts'
import type { PlaceOptions } from './connection.ts'
import { isFile } from './local-files.ts'
import { CommandFailure, UsageMistake, whileSending } from './mistakes.ts'
import type { Session } from './session.ts'
import { shownBytes } from './terminal.ts'

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

/** Seconds after which a server forgets what a command has put there, if the command could not remove it. */
const forgottenSeconds = 86_400

/** `root`: the place of the dict of tensors in a checkpoint. */
type ModelUploadOptions = { mayBeIncomplete?: boolean; root?: string | undefined }

/** Puts inputs where the command works. */
export type Uploads = {
  /** Returns the record of a model. External data beside the file is uploaded with it. */
  model(input: NamedInput, options?: ModelUploadOptions): Promise<ModelRecord>
  /** Returns the id of a data set. */
  dataset(input: NamedInput): Promise<string>
  /** Labels of everything that the command makes; none if it stays. */
  labels: Record<string, string>
  /** Seconds after which records go by themselves; undefined if they stay. */
  ttl: number | undefined
}

/**
 * Returns what uploads the inputs of a command. On a server, the command removes afterwards what it has uploaded: its records have a label
 * of their own, so that they are nobody else's.
 *
 * @param keep leaves the records on the server
 */
export function createUploads({ client, kind, reporter, signal, afterwards }: Session, keep: boolean): Uploads {
  const isOwn = kind === 'remote' && !keep
  const labels: Record<string, string> = isOwn ? { 'tureen-command': randomId() } : {}
  const ttl = isOwn ? forgottenSeconds : undefined
  const known = new Map<string, Promise<ModelRecord>>()
  const optionsFor = (path: string) => ({
    signal,
    // A server in this process gets the bytes as they are on the disk.
    ...(kind === 'remote' ? {} : { digest: false as const }),
    onProgress: ({ sent, total }: { sent: number; total: number | null }) =>
      reporter.progress(`${basename(path)}: ${shownBytes(sent)}${total === null ? '' : ` of ${shownBytes(total)}`}`),
  })

  async function upload(path: string, { mayBeIncomplete = false, root }: ModelUploadOptions): Promise<ModelRecord> {
    const name = shortened(basename(path).replace(/\.(onnx|safetensors(\.index\.json)?)$/i, '') || 'model')
    const send = async () =>
      client.createModel({ file: await fileBlob(path), name, labels, ttl, root }, optionsFor(path))
    let record = await whileSending(path, send)
    const { id } = record
    reporter.show(id, path)
    if (isOwn) afterwards(() => client.deleteModel(id))
    for (const location of record.missing) {
      const file = besidePath(path, location)
      if (file !== undefined && (await isFile(file)))
        record = await whileSending(file, async () =>
          client.putModelData(id, location, await fileBlob(file), optionsFor(file)),
        )
      else if (!mayBeIncomplete)
        throw new CommandFailure(`${path} needs the file ${location}, which is not beside it.`, [
          'Put it there: the path counts from the directory of the model, and stays below it.',
        ])
    }
    return record
  }

  return {
    labels,
    ttl,
    async model(input, options = {}) {
      if (input.kind === 'file') {
        const record = known.get(input.path) ?? upload(input.path, options)
        known.set(input.path, record)
        return record
      }
      const item = await client.getModel(input.id, { signal })
      if ('unreadable' in item) throw new CommandFailure(`The record of ${input.id} cannot be read: ${item.unreadable}`)
      return item
    },
    async dataset(input) {
      if (input.kind === 'id') return input.id
      const name = shortened(basename(input.path).replace(/\.npz$/i, '') || 'data')
      const { path } = input
      const send = async () => client.createDataset({ file: await fileBlob(path), name, labels, ttl }, optionsFor(path))
      const { id } = await whileSending(path, send)
      reporter.show(id, path)
      if (isOwn) afterwards(() => client.deleteDataset(id))
      return id
    },
  }
}

/** Returns the path of external data; undefined if the location leads out of the directory of the model. */
function besidePath(model: string, location: string): string | undefined {
  const steps = location.split(/[/\\]/)
  if (location.startsWith('/') || steps.some(step => step === '..') || location.includes('\0')) return undefined
  return join(dirname(model), location)
}

/** Most characters of a name. */
const longestName = 200

function shortened(name: string): string {
  return name.slice(0, longestName)
}
