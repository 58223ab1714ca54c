import { z } from 'zod'
import type { RecordChange } from '../schemas/common.ts'
import { commonOptions, createCommand, readCommand, repeated } from './command.ts'
import { findRecord, requireRecords } from './held-records.ts'
import { CommandFailure, exitCodes, UsageMistake } from './mistakes.ts'
import { readLabels } from './option-values.ts'
import { runSession } from './session.ts'
import { plain } from './terminal.ts'

const labelOptions = z.object({
  ...commonOptions,
  name: z.union([z.string(), z.literal(false)]).optional(),
  remove: z.array(z.string()).optional(),
})

/** `tureen label`: renames and labels a model or data set. */
export async function labelCommand(given: readonly string[]): Promise<void> {
  const command = createCommand('label', 'Rename and label a model or data set of a server, or of a store.')
    .argument('<id>', 'id or digest')
    .argument('[labels...]', 'labels to set, as key=value')
    .option('--name <name>', 'new name')
    .option('--no-name', 'remove the name')
    .option('--remove <key>', 'remove the label with this key; can be repeated', repeated)
  const { options, names } = readCommand(command, labelOptions, given)
  await runSession(
    'label',
    options,
    async () => {
      requireRecords(options)
      const [id = '', ...labels] = names
      return { id, change: readChange(labels, options) }
    },
    async ({ client, reporter, signal }, { id, change }) => {
      const { kind, record } = await findRecord(client, id, signal)
      if (kind === 'job')
        throw new CommandFailure(`${id} is a job, and its name and labels stay.`, ['Name a model or a data set.'])
      const changed =
        kind === 'model'
          ? await client.updateModel(record.id, change, { signal })
          : await client.updateDataset(record.id, change, { signal })
      reporter.document(changed)
      const labels = Object.entries(changed.labels).map(([key, value]) => ` ${key}=${value}`)
      reporter.tell(plain(`${kind} ${changed.id}: ${changed.name ?? 'without a name'}${labels.join('')}`))
      return exitCodes.done
    },
  )
}

/** Returns the change that the arguments ask for. @throws UsageMistake if they ask for none, or set and remove one label */
function readChange(texts: readonly string[], { name, remove = [] }: z.infer<typeof labelOptions>): RecordChange {
  const set = readLabels('the label', texts)
  const both = remove.find(key => set[key] !== undefined)
  if (both !== undefined) throw new UsageMistake(`The label ${both} is set and removed. Leave one of the two out.`)
  if (texts.length === 0 && remove.length === 0 && name === undefined)
    throw new UsageMistake('There is nothing to change. Give labels as key=value, --name, --no-name or --remove.')
  return {
    ...(name === undefined ? {} : { name: name === false ? null : name }),
    labels: { ...set, ...Object.fromEntries(remove.map(key => [key, null])) },
  }
}
