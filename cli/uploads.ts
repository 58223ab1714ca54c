import { basename, dirname, join, resolve } from 'node:path'
import pLimit from 'p-limit'
import { v4 as randomId } from 'uuid'
import { fileBlob } from '../client/files.ts'
import type { RecordFields } from '../client/index.ts'
import type { ModelRecord } from '../schemas/model.ts'
import type { NamedInput } from './inputs.ts'
import { isFile } from './local-files.ts'
import type { LocalServer } from './local-server.ts'
import { CommandFailure, whileSending } from './mistakes.ts'
import type { Session } from './session.ts'
import { byteProgress } from './terminal.ts'

/** Seconds after which a server forgets what a command has put there, if the command could not remove it. */
const forgottenSeconds = 86_400

/** Most files that a server inside the command takes over at a time. It hashes as many as there are processors. */
const adoptedAtOnce = 16

type ModelOptions = { mayBeIncomplete?: boolean }

/**
 * Settings of uploads. `given`: fields of the records in place of those that follow from the files. `areRun`: true if onnxruntime will run the
 * models, which then need copies. `root`: the place of the dict of tensors in all checkpoints.
 */
type UploadSettings = { given?: RecordFields; areRun?: boolean; root?: string | undefined }

/** Puts inputs where the command works. */
export type Uploads = {
  /** Returns the record of a model. External data beside the file is uploaded with it. */
  model(input: NamedInput, options?: ModelOptions): Promise<ModelRecord>
  /** Returns the records of models, in order. */
  models(inputs: readonly NamedInput[]): Promise<ModelRecord[]>
  /** Returns the id of a data set. It is uploaded once, however often it is named. */
  dataset(input: NamedInput): Promise<string>
  /** Labels of everything that the command makes; none if it stays. */
  labels: Record<string, string>
  /** Seconds after which records go by themselves; undefined if they stay. */
  ttl: number | undefined
}

type LocalInput = Extract<NamedInput, { kind: 'file' }>

/** Puts files under names. `data`: external data of a model, by its location. */
type Sender = {
  model(path: string, name: string, root: string | undefined): Promise<ModelRecord>
  data(model: string, location: string, path: string): Promise<unknown>
  dataset(path: string, name: string): Promise<{ id: string }>
}

/**
 * Returns what uploads the inputs of a command. On a server, the command removes afterwards what it has uploaded: its records have a label
 * of their own, so that they are nobody else's. A server inside the command takes the files over by their paths.
 *
 * @param keep leaves the records on the server
 */
export function createUploads(
  session: Session,
  keep: boolean,
  { given = {}, areRun = false, root }: UploadSettings = {},
): Uploads {
  const { client, kind, local, reporter, afterwards } = session
  const isOwn = kind === 'remote' && !keep
  const labels: Record<string, string> = isOwn ? { 'tureen-command': randomId() } : { ...given.labels }
  const ttl = isOwn ? forgottenSeconds : given.ttl
  const models = new Map<string, Promise<ModelRecord>>()
  const datasets = new Map<string, Promise<string>>()
  const atOnce = local ? adoptedAtOnce : 1
  const fields = { labels, ttl }
  const sender = local ? adopting(session, local, kind === 'temporary' && !areRun, fields) : sending(session, fields)

  async function upload({ path, shown }: LocalInput, { mayBeIncomplete = false }: ModelOptions): Promise<ModelRecord> {
    const name =
      given.name ?? shortened(basename(path).replace(/\.(onnx|safetensors(\.index\.json)?)$/i, '') || 'model')
    const record = await whileSending(shown, () => sender.model(path, name, root))
    const { id, missing } = record
    reporter.show(id, shown)
    if (isOwn) afterwards(() => client.deleteModel(id))
    const found: { location: string; file: string }[] = []
    for (const location of missing) {
      const file = besidePath(path, location)
      if (file !== undefined && (await isFile(file))) found.push({ location, file })
      else if (!mayBeIncomplete)
        throw new CommandFailure(`${shown} needs the file ${location}, which is not beside it.`, [
          'Put it there: the path counts from the directory of the model, and stays below it.',
        ])
    }
    await forEach(found, atOnce, ({ location, file }) => whileSending(file, () => sender.data(id, location, file)))
    return found.length === 0 ? record : usableModel(session, id)
  }

  async function uploadData({ path, shown }: LocalInput): Promise<string> {
    const name = given.name ?? shortened(basename(path).replace(/\.npz$/i, '') || 'data')
    const { id } = await whileSending(shown, () => sender.dataset(path, name))
    reporter.show(id, shown)
    if (isOwn) afterwards(() => client.deleteDataset(id))
    return id
  }

  const uploads: Uploads = {
    labels,
    ttl,
    async model(input, options = {}) {
      if (input.kind === 'id') return usableModel(session, input.id)
      const record = models.get(input.path) ?? upload(input, options)
      models.set(input.path, record)
      return record
    },
    models: inputs => forEach(inputs, atOnce, input => uploads.model(input)),
    async dataset(input) {
      if (input.kind === 'id') return input.id
      const id = datasets.get(input.path) ?? uploadData(input)
      datasets.set(input.path, id)
      return id
    },
  }
  return uploads
}

/** Works on items, some at a time. After a failure it starts no further one. @returns the results in order */
async function forEach<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  let hasFailed = false
  const inTurn = pLimit(atOnce)
  const run = async (item: Item) => {
    if (hasFailed) throw new CommandFailure('an earlier file has failed')
    try {
      return await work(item)
    } catch (error) {
      hasFailed = true
      throw error
    }
  }
  return Promise.all(items.map(item => inTurn(() => run(item))))
}

/** Returns a model by its id. @throws CommandFailure if its record is damaged */
export async function usableModel({ client, signal }: Session, id: string): Promise<ModelRecord> {
  const item = await client.getModel(id, { signal })
  if ('unreadable' in item) throw new CommandFailure(`The record of ${id} cannot be read: ${item.unreadable}`)
  return item
}

/** Sends files over HTTP. */
function sending({ client, reporter, signal }: Session, fields: Pick<Uploads, 'labels' | 'ttl'>): Sender {
  const optionsFor = (path: string) => ({
    signal,
    onProgress: ({ sent, total }: { sent: number; total: number | null }) =>
      reporter.progress(byteProgress(basename(path), sent, total)),
  })
  return {
    model: async (path, name, root) =>
      client.createModel({ file: await fileBlob(path), name, ...fields, root }, optionsFor(path)),
    data: async (model, location, path) => client.putModelData(model, location, await fileBlob(path), optionsFor(path)),
    dataset: async (path, name) =>
      client.createDataset({ file: await fileBlob(path), name, ...fields }, optionsFor(path)),
  }
}

/** Has a server inside the command take files over. @param inPlace true if it may read models where they are */
function adopting(
  { reporter, signal }: Session,
  local: LocalServer,
  inPlace: boolean,
  fields: Pick<Uploads, 'labels' | 'ttl'>,
): Sender {
  const absolute = (path: string) => {
    reporter.progress({ text: `reading ${basename(path)}`, done: 0, total: null })
    return resolve(path)
  }
  return {
    model: (path, name, root) => local.adoptModel({ path: absolute(path), inPlace, name, ...fields, root }, signal),
    data: (model, location, path) => local.adoptData(model, { path: absolute(path), inPlace, location }, signal),
    dataset: (path, name) => local.adoptDataset({ path: absolute(path), name, ...fields }, signal),
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
