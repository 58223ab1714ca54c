import type { Command } from 'commander'
import { Option } from 'commander'
import { z } from 'zod'
import { outputDtype } from '../schemas/merge.ts'
import { repeated } from './command.ts'
import type { PlaceOptions } from './connection.ts'
import { findInput, keepOption, type NamedInput } from './inputs.ts'
import { readSettings } from './option-values.ts'

/** Options of commands that merge, as {@link addMergeOptions} declares them. */
export const mergeOptions = {
  method: z.string().optional(),
  base: z.string().optional(),
  set: z.array(z.string()).optional(),
  recalibrate: z.string().optional(),
  outputDtype: outputDtype.optional(),
  output: z.string().optional(),
  force: z.boolean().default(false),
  ...keepOption,
}

type MergeOptions = z.infer<z.ZodObject<typeof mergeOptions>>

export function addMergeOptions(command: Command): Command {
  return command
    .option('--method <name>', 'merge method, such as ties; linear without it')
    .option('--base <model>', 'model whose file, names and interface the soup has; the first model without it')
    .option('--set <name=value>', 'parameter of the merge method, such as density=0.5; can be repeated', repeated)
    .option('--recalibrate <data>', 'measure batch norms again on this data set')
    .addOption(new Option('--output-dtype <type>', 'element type of the averaged tensors').choices(outputDtype.options))
    .option('--force', 'replace files that exist')
    .option('--keep', 'leave models and jobs on the server')
}

/** The inputs of a merge beside its models. */
export type MergeSources = { base: NamedInput | undefined; recalibrate: NamedInput | undefined }

export async function findMergeSources(options: MergeOptions & PlaceOptions): Promise<MergeSources> {
  const find = async (text: string | undefined) => (text === undefined ? undefined : findInput(text, options))
  return { base: await find(options.base), recalibrate: await find(options.recalibrate) }
}

/** Returns the settings of a merge that its options give; none for the others. */
export function mergeSettingsOf({ method, set, outputDtype }: MergeOptions) {
  return {
    ...(method === undefined ? {} : { method }),
    ...(set === undefined ? {} : { parameters: readSettings('--set', set) }),
    ...(outputDtype === undefined ? {} : { outputDtype }),
  }
}
