import { z } from 'zod'
import { resultOf } from '../client/index.ts'
import type { ConversionResult } from '../schemas/conversion.ts'
import type { ExportResult } from '../schemas/export.ts'
import type { JobRecord } from '../schemas/job.ts'
import type { PlaceOptions } from './connection.ts'
import { findInput, type NamedInput } from './inputs.ts'
import { type BeginJob, isKeptBy, runJob } from './jobs.ts'
import { UsageMistake } from './mistakes.ts'
import type { Session } from './session.ts'
import { standardStream } from './standard-streams.ts'
import type { Uploads } from './uploads.ts'

/** Options of a soup of checkpoints that becomes an ONNX model. */
export const exportedOptions = {
  model: z.string().optional(),
  reference: z.string().optional(),
  checkpointOut: z.string().optional(),
}

type ExportedOptions = PlaceOptions & z.infer<z.ZodObject<typeof exportedOptions>>

/** An ONNX model, and the checkpoint that it was exported from. */
export type ExportedInputs = { model: NamedInput; reference: NamedInput }

/** Reads the options of a soup of checkpoints; undefined for a plain soup. @throws UsageMistake if one needs another */
export async function findExported(
  options: ExportedOptions & { recalibrate?: string | undefined },
): Promise<ExportedInputs | undefined> {
  const { model, reference, checkpointOut, recalibrate } = options
  if (model === undefined) {
    const [other] =
      Object.entries({ '--reference': reference, '--checkpoint-out': checkpointOut }).find(([, it]) => it) ?? []
    if (other !== undefined)
      throw new UsageMistake(`${other} needs --model, the ONNX model of the checkpoints. Give it.`)
    return undefined
  }
  if (reference === undefined)
    throw new UsageMistake('--model needs --reference, the checkpoint that the model was exported from. Give it.')
  if (checkpointOut === standardStream)
    throw new UsageMistake('--checkpoint-out needs a file. Standard output has room for the ONNX model alone.')
  if (recalibrate !== undefined)
    throw new UsageMistake('--recalibrate works on models, and --model makes one of checkpoints. Leave one out.')
  return { model: await findInput(model, options), reference: await findInput(reference, options) }
}

/** The jobs that make an ONNX model of a soup of checkpoints, and their results. */
export type ExportedSoup = { jobs: JobRecord[]; model: ConversionResult['model']; warnings: string[] }

/** Returns what starts an export of the model that a soup of checkpoints becomes. */
export async function prepareExport(
  { client }: Session,
  { model, reference }: ExportedInputs,
  uploads: Uploads,
): Promise<BeginJob<'export'>> {
  const { id } = await uploads.model(model)
  const checkpoint = (await uploads.model(reference)).id
  const { labels, ttl } = uploads
  return started => client.createExport({ model: id, checkpoint, labels, ttl }, started)
}

/** Makes the ONNX model of a checkpoint. On a server, it goes with the command unless that is told to keep it. */
export async function exportSoup(
  session: Session,
  keep: boolean,
  start: BeginJob<'export'>,
  checkpoint: string,
  { labels, ttl }: Pick<Uploads, 'labels' | 'ttl'>,
): Promise<ExportedSoup> {
  const { client, afterwards } = session
  const isKept = isKeptBy(session, keep)
  const found = await runJob<'export'>(session, isKept, start)
  const { id, warnings } = resultOf<ExportResult>(found).export
  if (!isKept) afterwards(() => client.deleteExport(id))
  const made = await runJob<'conversion'>(session, isKept, started =>
    client.createConversion(id, { checkpoint, labels, ttl }, started),
  )
  const { model, report } = resultOf<ConversionResult>(made)
  if (!isKept) afterwards(() => client.deleteModel(model.id))
  return { jobs: [found, made], model, warnings: [...warnings, ...report.warnings] }
}
