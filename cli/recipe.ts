import { z } from 'zod'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { requireRecords } from './held-records.ts'
import { requireWritable, writeText } from './local-files.ts'
import { exitCodes } from './mistakes.ts'
import { recipeText } from './recipe-text.ts'
import { runSession } from './session.ts'

const recipeOptions = z.object({
  ...commonOptions,
  output: z.string().optional(),
  yaml: z.boolean().default(false),
  force: z.boolean().default(false),
})

/** `tureen recipe`: shows the recipe that makes a soup again. */
export async function recipeCommand(given: readonly string[]): Promise<void> {
  const command = createCommand('recipe', 'Show the recipe that makes a soup again. tureen soup --recipe reads it.')
    .argument('<model>', 'id or digest of a soup')
    .option('-o, --output <file>', 'write it to a file, in JSON, or YAML if the name ends so')
    .option('--yaml', 'show it in YAML')
    .option('--force', 'replace the file if it exists')
  const { options, names } = readCommand(command, recipeOptions, given)
  await runSession(
    'recipe',
    options,
    async () => {
      requireRecords(options)
      if (options.output !== undefined) await requireWritable(options.output, options.force)
      return names[0] ?? ''
    },
    async (session, id) => {
      const { client, reporter, signal } = session
      if (options.output !== undefined) await writeText(options.output, await recipeText(session, id, options.output))
      if (options.json) reporter.document(await client.getModelRecipe(id, { signal }))
      else if (options.output === undefined)
        reporter.tell((await recipeText(session, id, options.yaml ? '.yaml' : '.json')).trimEnd())
      else reporter.tell(`${options.output}: the recipe of ${id}`)
      return exitCodes.done
    },
  )
}
