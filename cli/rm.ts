import { z } from 'zod'
import type { TureenClient } from '../client/index.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { findRecord, type HeldRecord, oneOrList, requireRecords } from './held-records.ts'
import { CommandFailure, errorLines, exitCodes } from './mistakes.ts'
import { runSession } from './session.ts'
import { plain } from './terminal.ts'

/** `tureen rm`: deletes models, data sets, exports and jobs. */
export async function removeCommand(given: readonly string[]): Promise<void> {
  const command = createCommand(
    'rm',
    'Delete models, data sets, exports and jobs of a server, or of a store.',
  ).argument('<ids...>', 'ids; of models, data sets and exports also digests')
  const { options, names } = readCommand(command, z.object(commonOptions), given)
  await runSession(
    'rm',
    options,
    async () => requireRecords(options),
    async ({ client, reporter, signal }) => {
      // All are found before the first is deleted, so that a mistyped id deletes nothing.
      const found = new Map<string, HeldRecord>()
      for (const name of names) {
        const each = await findRecord(client, name, signal)
        found.set(each.record.id, each)
      }
      const deleted: HeldRecord[] = []
      const failures: string[] = []
      // Exports first: they keep their models.
      const ordered = [...found.values()].sort((a, b) => Number(b.kind === 'export') - Number(a.kind === 'export'))
      for (const each of ordered)
        try {
          await remove(client, each, signal)
          deleted.push(each)
        } catch (error) {
          signal.throwIfAborted()
          failures.push(`${each.record.id}: ${errorLines(error)[0]}`)
        }
      if (failures.length === 0) reporter.document(oneOrList(deleted.map(({ record }) => record)))
      reporter.tell(...deleted.map(({ kind, record }) => plain(`deleted the ${kind} ${record.id}${nameOf(record)}`)))
      if (failures.length === 0) return exitCodes.done
      throw new CommandFailure(`${failures.length} of ${found.size} records could not be deleted.`, failures)
    },
  )
}

function remove(client: TureenClient, { kind, record: { id } }: HeldRecord, signal: AbortSignal): Promise<void> {
  if (kind === 'model') return client.deleteModel(id, { signal })
  if (kind === 'export') return client.deleteExport(id, { signal })
  return kind === 'job' ? client.deleteJob(id, { signal }) : client.deleteDataset(id, { signal })
}

function nameOf(record: HeldRecord['record']): string {
  return 'name' in record && record.name !== null ? `, ${record.name}` : ''
}
