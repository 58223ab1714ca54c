import { z } from 'zod'
import type { ModelRecord } from '../schemas/model.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { findInput } from './inputs.ts'
import { requireUnchanged } from './local-server.ts'
import { exitCodes } from './mistakes.ts'
import { runSession } from './session.ts'
import { plain, shownBytes } from './terminal.ts'
import { createUploads } from './uploads.ts'

/** `tureen inspect`: shows what a model is. */
export async function inspectCommand(given: readonly string[]): Promise<void> {
  const command = createCommand('inspect', 'Show what a model is: inputs, outputs, parameters, digests.').argument(
    '<model>',
    'ONNX file',
  )
  const { options, names } = readCommand(command, z.object(commonOptions), given)
  await runSession(
    'inspect',
    options,
    () => findInput(names[0] ?? '', options),
    async (session, input) => {
      const record = await createUploads(session, false).model(input, { mayBeIncomplete: true })
      await requireUnchanged(session.local)
      session.reporter.document(record)
      session.reporter.tell(...shown(record))
      return exitCodes.done
    },
  )
}

function shown(model: ModelRecord): string[] {
  const values = (each: ModelRecord['inputs']) =>
    each.map(({ name, dtype, dims }) => `${name} ${dtype}${dims ? `[${dims.map(dim => dim ?? '?').join(', ')}]` : ''}`)
  const facts: [string, string][] = [
    ['name', model.name ?? '-'],
    ['sha256', model.sha256],
    ['size', shownBytes(model.bytes)],
    ['inputs', values(model.inputs).join(', ')],
    ['outputs', values(model.outputs).join(', ')],
    ['parameters', model.parameters.toLocaleString('en')],
    [
      'tensors',
      Object.entries(model.dtypes)
        .map(([dtype, count]) => `${count} ${dtype}`)
        .join(', '),
    ],
    ['opsets', model.opsets.map(({ domain, version }) => `${domain || 'ai.onnx'} ${version}`).join(', ')],
    ['producer', model.producer ?? '-'],
    ['fingerprint', model.fingerprint ?? '-'],
    ...model.files
      .filter(({ location }) => location !== '')
      .map(({ location, bytes }): [string, string] => ['external data', `${location}, ${shownBytes(bytes)}`]),
    ...model.missing.map((location): [string, string] => ['missing', location]),
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  return facts.map(([name, value]) => plain(`${name.padEnd(width)}  ${value}`))
}
