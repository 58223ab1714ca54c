import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { ModelRecord } from '../schemas/model.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { requireRecords } from './held-records.ts'
import { requireWritable } from './local-files.ts'
import { CommandFailure, exitCodes } from './mistakes.ts'
import { type PulledFile, pullFile } from './pull-file.ts'
import { mostInlineBytes } from './save-model.ts'
import { runSession, type Session } from './session.ts'
import { plain, shownBytes } from './terminal.ts'

const pullOptions = z.object({ ...commonOptions, output: z.string(), force: z.boolean().default(false) })

/** `tureen pull`: writes a model of a server to a file. */
export async function pullCommand(given: readonly string[]): Promise<void> {
  const command = createCommand('pull', 'Write a model of a server, or of a store, to a file.')
    .argument('<model>', 'id or digest of the model')
    .requiredOption('-o, --output <file>', 'file for the model')
    .option('--force', 'replace the file if it exists')
  const { options, names } = readCommand(command, pullOptions, given)
  await runSession(
    'pull',
    options,
    async () => {
      requireRecords(options)
      await requireWritable(options.output, options.force)
      return names[0] ?? ''
    },
    async (session, id) => {
      const { client, reporter, signal } = session
      const record = await client.getModel(id, { signal })
      if ('unreadable' in record) throw new CommandFailure(`The record of ${id} cannot be read: ${record.unreadable}`)
      for (const file of await filesOf(session, record, options)) await pullFile(file, session)
      reporter.document(record)
      reporter.tell(plain(`${options.output}: ${shownBytes(record.bytes)}, ${record.name ?? record.id}`))
      return exitCodes.done
    },
  )
}

/** Returns the files to write, the model's own last: with external data inside if that is below 2 GiB, otherwise with it beside. */
async function filesOf(
  { client, signal }: Session,
  { id, bytes, files, missing }: ModelRecord,
  { output, force }: { output: string; force: boolean },
): Promise<PulledFile[]> {
  const inside = files.length > 1 && missing.length === 0 && bytes <= mostInlineBytes
  const beside = inside ? [] : files.filter(({ location }) => location !== '')
  const pulled: PulledFile[] = []
  for (const { location, sha256, bytes } of beside) {
    if (location.startsWith('/') || location.split(/[/\\]/).includes('..'))
      throw new CommandFailure(`The model keeps weights in ${location}, which is not below the directory of ${output}.`)
    const path = join(dirname(output), location)
    await requireWritable(path, force)
    pulled.push({ path, sha256, bytes, open: options => client.getModelData(id, location, options) })
  }
  const external = inside ? { external: 'inline' as const } : {}
  const facts = await client.headModelContent(id, { ...external, signal })
  pulled.push({
    path: output,
    sha256: facts.sha256,
    bytes: facts.bytes,
    open: options => client.getModelContent(id, { ...external, ...options }),
  })
  return pulled
}
