import { Option } from 'commander'
import { z } from 'zod'
import { resultOf } from '../client/index.ts'
import type { ExportRecord, ExportResult } from '../schemas/export.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { findInput, keepOption } from './inputs.ts'
import { addJobOptions, jobOptions } from './job-options.ts'
import { isKeptBy, runJob } from './jobs.ts'
import { CommandFailure, exitCodes } from './mistakes.ts'
import { runSession } from './session.ts'
import { plain, tableLines } from './terminal.ts'
import { createUploads } from './uploads.ts'

const exportOptions = z.object({
  ...commonOptions,
  ...jobOptions,
  ...keepOption,
  checkpoint: z.string(),
  unmatched: z.enum(['refuse', 'keep']).optional(),
})

/** `tureen export`: shows how the weights of an ONNX model follow from a checkpoint. */
export async function exportCommand(given: readonly string[]): Promise<void> {
  const command = addJobOptions(
    createCommand('export', 'Show how each weight of an ONNX model follows from the checkpoint it was exported from.'),
  )
    .argument('<model>', 'ONNX file')
    .requiredOption('--checkpoint <file>', 'checkpoint that the model was exported from')
    .addOption(
      new Option('--unmatched <treatment>', 'weights that follow from no tensor: refuse ends with code 1').choices(
        exportOptions.shape.unmatched.unwrap().options,
      ),
    )
    .option('--keep', 'leave the models, the job and the export on the server')
  const { options, names } = readCommand(command, exportOptions, given)
  await runSession(
    'export',
    options,
    async () => ({
      model: await findInput(names[0] ?? '', options),
      checkpoint: await findInput(options.checkpoint, options),
    }),
    async (session, inputs) => {
      const { client, reporter, signal, afterwards } = session
      const uploads = createUploads(session, options.keep)
      const [model, checkpoint] = [await uploads.model(inputs.model), await uploads.model(inputs.checkpoint)]
      const { labels, ttl } = uploads
      const body = { model: model.id, checkpoint: checkpoint.id, unmatched: options.unmatched, labels, ttl }
      const isKept = isKeptBy(session, options.keep)
      const job = await runJob<'export'>(session, isKept, started => client.createExport(body, started))
      const { id, warnings } = resultOf<ExportResult>(job).export
      if (!isKept) afterwards(() => client.deleteExport(id))
      const found = await client.getExport(id, { signal })
      if ('unreadable' in found) throw new CommandFailure(`The record of ${id} cannot be read: ${found.unreadable}`)
      reporter.document(job)
      reporter.warn(warnings)
      reporter.tell(...shown(found))
      return exitCodes.done
    },
  )
}

function shown({ weights, unmatched, numbers, unused }: ExportRecord): string[] {
  const rows = [
    ...weights.map(({ tensor, dtype, dims, derivation }) => [tensor, `${dtype}[${dims.join(', ')}]`, derivation]),
    ...unmatched.map(({ tensor, dtype, dims }) => [tensor, `${dtype}[${dims.join(', ')}]`, 'kept as it is']),
  ]
  const lines = [
    ...(numbers.length > 0 ? [`numbers of the graph: ${numbers.map(({ tensor }) => tensor).join(', ')}`] : []),
    ...(unused.length > 0 ? [`keys that no weight follows from: ${unused.join(', ')}`] : []),
  ]
  return [...tableLines(['weight', 'type', 'follows from'], rows), ...lines.map(plain)]
}
