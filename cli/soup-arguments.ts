import { z } from 'zod'
import { commonOptions, createCommand } from './command.ts'
import { type ExportedInputs, exportedOptions, findExported } from './exported-soup.ts'
import { addRootOption, findInput, type NamedInput, rootOption } from './inputs.ts'
import { addDryRun, addJobOptions, addWarningGate, dryRunOption, jobOptions, warningGate } from './job-options.ts'
import { readText, requireWritable } from './local-files.ts'
import { addMergeOptions, findMergeSources, type MergeSources, mergeOptions } from './merge-options.ts'
import { type MergekitFile, mergekitInputs, readMergekitText } from './mergekit-file.ts'
import { UsageMistake } from './mistakes.ts'
import { readNumbers } from './option-values.ts'
import { isMergekit, type RecipeFile, readRecipe, readRules } from './recipe-file.ts'
import { standardStream } from './standard-streams.ts'

export const soupOptions = z.object({
  ...commonOptions,
  ...jobOptions,
  ...mergeOptions,
  output: z.string(),
  weights: z.string().optional(),
  normalize: z.boolean().default(true),
  recipe: z.string().optional(),
  rules: z.string().optional(),
  recipeOut: z.string().optional(),
  ...rootOption,
  ...exportedOptions,
  ...dryRunOption,
  ...warningGate,
})

export type SoupArguments = z.infer<typeof soupOptions>

/** The arguments of a soup, checked. */
export type AskedSoup = MergeSources & {
  /** The ONNX model of which the soup of checkpoints is made one; undefined for a plain soup. */
  exported: ExportedInputs | undefined
  models: NamedInput[]
  weights: number[] | undefined
  recipe: RecipeFile
  rules: unknown[] | undefined
  /** A configuration of mergekit with its models, in place of all of the above. */
  mergekit: { file: MergekitFile; inputs: ReadonlyMap<string, NamedInput> } | undefined
}

/** Returns the command `tureen soup` with its options. */
export function soupCommandLine() {
  const command = addMergeOptions(
    addJobOptions(createCommand('soup', 'Merge models into one, weight by weight.'))
      .argument('[models...]', 'ONNX files, or directories of them; - is standard input, @FILE is --recipe FILE')
      .requiredOption('-o, --output <file>', 'file for the soup, or directory; - is standard output')
      .option('--weights <numbers>', 'one weight for each model, such as 2,3')
      .option('--no-normalize', 'do not divide by the sum of the weights: scale and add'),
  )
    .option('--recipe <file>', 'recipe or mergekit configuration; other options go before what a recipe says')
    .option('--rules <file>', 'rules for groups of tensors, in JSON or YAML')
    .option('--recipe-out <file>', 'write the recipe that makes this soup again, in JSON, or YAML if the name ends so')
    .option('--model <file>', 'of checkpoints: ONNX model of the same network; the soup becomes an ONNX model too')
    .option('--reference <file>', 'of checkpoints: the checkpoint that --model was exported from')
    .option('--checkpoint-out <file>', 'of checkpoints: write the soup as .safetensors beside the ONNX model')
  return addDryRun(
    addWarningGate(addRootOption(command), 'end with code 1, and write no file, if the merge has warnings'),
  )
}

/** Takes the recipe out of the arguments: `@FILE` means `--recipe FILE`. @throws UsageMistake for a second recipe */
export function withRecipeArgument(
  given: SoupArguments,
  texts: readonly string[],
): { options: SoupArguments; names: string[] } {
  const recipes = texts.filter(text => text.startsWith('@')).map(text => text.slice(1))
  const [recipe, second] = [...recipes, ...(given.recipe === undefined ? [] : [given.recipe])]
  if (second !== undefined)
    throw new UsageMistake(
      `There are two recipes, ${recipe} and ${second}. Give one: @FILE is the same as --recipe FILE.`,
    )
  const names = texts.filter(text => !text.startsWith('@'))
  return { options: recipe === undefined ? given : { ...given, recipe }, names }
}

/** Reads and checks the arguments of a soup of files. @throws UsageMistake */
export async function askedSoup(options: SoupArguments, names: readonly string[]): Promise<AskedSoup> {
  const { recipeOut, output, checkpointOut } = options
  if (recipeOut === standardStream || (recipeOut !== undefined && recipeOut === output))
    throw new UsageMistake(`--recipe-out ${recipeOut}: name a file of its own for the recipe.`)
  for (const path of [output, recipeOut, checkpointOut])
    if (path !== undefined) await requireWritable(path, options.force)
  const text = options.recipe === undefined ? undefined : await readText(options.recipe)
  if (options.recipe !== undefined && text !== undefined && isMergekit(options.recipe, text))
    return askedOfMergekit(options, options.recipe, text, names)
  if (names.length === 0) throw new UsageMistake('A soup needs at least one model. Name the ONNX files.')
  const models: NamedInput[] = []
  for (const name of names) models.push(await findInput(name, options))
  return {
    models,
    mergekit: undefined,
    exported: await findExported(options),
    ...(await askedSettings(options, names.length)),
    ...(await findMergeSources(options)),
  }
}

/** Reads the settings of a soup that do not name its models. @param models number of models */
export async function askedSettings(options: SoupArguments, models: number) {
  const weights = options.weights === undefined ? undefined : readNumbers('--weights', options.weights)
  if (weights && weights.length !== models)
    throw new UsageMistake(
      `--weights ${options.weights}: has ${weights.length} weights, and there are ${models} models. Give one for each.`,
    )
  const recipe = options.recipe === undefined ? {} : await readRecipe(options.recipe)
  const rules = options.rules === undefined ? undefined : await readRules(options.rules)
  return { weights, recipe, rules }
}

async function askedOfMergekit(
  options: SoupArguments,
  path: string,
  text: string,
  names: readonly string[],
): Promise<AskedSoup> {
  const { method, base, set, recalibrate, outputDtype, weights, rules, normalize, model, checkpointOut } = options
  const given = {
    method,
    base,
    set,
    recalibrate,
    outputDtype,
    weights,
    rules,
    normalize: normalize ? undefined : false,
    model,
    checkpointOut,
  }
  const [other] = Object.entries(given).find(([, value]) => value !== undefined) ?? []
  if (names.length > 0 || other !== undefined)
    throw new UsageMistake(
      `${path} is a configuration of mergekit, which names its models and settings itself. Leave out ${names[0] ?? optionOf(other ?? '')}.`,
    )
  const file = readMergekitText(text)
  const inputs = await mergekitInputs(file, path, options)
  return {
    models: [...inputs.values()],
    weights: undefined,
    recipe: {},
    rules: undefined,
    base: undefined,
    recalibrate: undefined,
    exported: undefined,
    mergekit: { file, inputs },
  }
}

/** Returns the option that sets a field. */
function optionOf(field: string): string {
  if (field === 'normalize') return '--no-normalize'
  return `--${field.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}
