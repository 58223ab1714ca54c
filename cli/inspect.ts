import { z } from 'zod'
import type { ModelRecord, TensorSummary } from '../schemas/model.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { addRootOption, findInput, rootOption } from './inputs.ts'
import { requireUnchanged } from './local-server.ts'
import { exitCodes } from './mistakes.ts'
import { runSession } from './session.ts'
import { plain, shownBytes } from './terminal.ts'
import { createUploads } from './uploads.ts'

const inspectOptions = z.object({ ...commonOptions, ...rootOption, tensor: z.string().optional() })

/** Characters of the longest bar of a histogram. */
const barCharacters = 50

/** `tureen inspect`: shows what a model is, or one of its tensors. */
export async function inspectCommand(given: readonly string[]): Promise<void> {
  const command = addRootOption(
    createCommand('inspect', 'Show what a model or a checkpoint is: inputs, outputs, parameters, digests.'),
  )
    .argument('<model>', 'ONNX file, or checkpoint: safetensors, its index, or a file of torch.save')
    .option('--tensor <name>', 'show the moments and the histogram of this tensor instead')
  const { options, names } = readCommand(command, inspectOptions, given)
  await runSession(
    'inspect',
    options,
    () => findInput(names[0] ?? '', options),
    async (session, input) => {
      const record = await createUploads(session, false, { root: options.root }).model(input, { mayBeIncomplete: true })
      const { tensor } = options
      const summary = tensor === undefined ? undefined : await session.client.getTensorSummary(record.id, tensor)
      await requireUnchanged(session.local)
      session.reporter.document(summary ?? record)
      session.reporter.tell(...(summary ? shownTensor(summary) : shown(record)))
      return exitCodes.done
    },
  )
}

function shown(model: ModelRecord): string[] {
  const facts: [string, string][] = [
    ['name', model.name ?? '-'],
    ['sha256', model.sha256],
    ['size', shownBytes(model.bytes)],
    ...(model.checkpoint ? checkpointFacts(model.checkpoint) : graphFacts(model)),
    ['parameters', model.parameters.toLocaleString('en')],
    [
      'tensors',
      Object.entries(model.dtypes)
        .map(([dtype, count]) => `${count} ${dtype}`)
        .join(', '),
    ],
    ['fingerprint', model.fingerprint ?? '-'],
    ...model.files
      .filter(({ location }) => location !== '')
      .map(({ location, bytes }): [string, string] => ['external data', `${location}, ${shownBytes(bytes)}`]),
    ...model.missing.map((location): [string, string] => ['missing', location]),
  ]
  return factLines(facts)
}

function factLines(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length))
  return facts.map(([name, value]) => plain(`${name.padEnd(width)}  ${value}`))
}

function shownTensor(summary: TensorSummary): string[] {
  const { name, where, dtype, dims, elements, nonFinite, min, max, mean, standardDeviation, norm, bins } = summary
  const number = (value: number | null) => (value === null ? '-' : String(value))
  const width = ((max ?? 0) - (min ?? 0)) / bins.length
  // Neighbours share a line, so that the histogram fits on a screen.
  const lines = Array.from({ length: bins.length / 4 }, (_, line) => {
    const count = bins.slice(4 * line, 4 * line + 4).reduce((sum, each) => sum + each, 0)
    return { from: (min ?? 0) + 4 * line * width, count }
  })
  const longest = Math.max(...lines.map(({ count }) => count))
  return [
    ...factLines([
      ['tensor', name || where],
      ['place', where],
      ['type', `${dtype}[${dims.join(', ')}]`],
      ['elements', elements.toLocaleString('en')],
      ['not finite', nonFinite.toLocaleString('en')],
      ['min', number(min)],
      ['max', number(max)],
      ['mean', number(mean)],
      ['std', number(standardDeviation)],
      ['norm', number(norm)],
    ]),
    ...(min === max
      ? []
      : lines.map(
          ({ from, count }) =>
            `${from.toPrecision(4).padStart(11)}  ${'#'.repeat(Math.round((count / longest) * barCharacters))} ${count}`,
        )),
  ]
}

function graphFacts({ inputs, outputs, opsets, producer }: ModelRecord): [string, string][] {
  const values = (each: ModelRecord['inputs']) =>
    each.map(({ name, dtype, dims }) => `${name} ${dtype}${dims ? `[${dims.map(dim => dim ?? '?').join(', ')}]` : ''}`)
  return [
    ['inputs', values(inputs).join(', ')],
    ['outputs', values(outputs).join(', ')],
    ['opsets', opsets.map(({ domain, version }) => `${domain || 'ai.onnx'} ${version}`).join(', ')],
    ['producer', producer ?? '-'],
  ]
}

function checkpointFacts(checkpoint: NonNullable<ModelRecord['checkpoint']>): [string, string][] {
  const { format, root, roots, metadata, ignored } = checkpoint
  const shownRoot = (each: string) => each || 'top level'
  const others = roots.filter(each => each !== root).map(shownRoot)
  return [
    ['checkpoint', format],
    ...(format === 'torch'
      ? [
          ['root', `${shownRoot(root)}${others.length > 0 ? ` (also: ${others.join(', ')})` : ''}`] satisfies [
            string,
            string,
          ],
        ]
      : []),
    ...Object.entries(metadata).map(([key, text]): [string, string] => ['metadata', `${key}: ${text}`]),
    ...(ignored.length > 0 ? [['no tensors', ignored.join(', ')] satisfies [string, string]] : []),
  ]
}
