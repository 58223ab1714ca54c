import { parse } from 'yaml'
import { z } from 'zod'
import { weightValue } from '../schemas/merge.ts'
import { readText } from './local-files.ts'
import { UsageMistake } from './mistakes.ts'

/** A recipe as a file has it. The server checks the other settings. */
const recipeFile = z.looseObject({
  models: z
    .array(z.looseObject({ id: z.string().optional(), weight: weightValue.optional(), fisher: z.string().optional() }))
    .optional(),
  weights: z.array(weightValue).optional(),
  base: z.string().optional(),
})

export type RecipeFile = z.infer<typeof recipeFile>

/** Reads a recipe in JSON or YAML, as `--recipe-out` writes it, or with settings alone. */
export async function readRecipe(path: string): Promise<RecipeFile> {
  const document = await readDocument(path)
  const read = recipeFile.safeParse(document)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new UsageMistake(`${path} is no recipe: ${issue?.path.join('.') || 'the document'}: ${issue?.message}.`)
}

/** Reads rules for groups of tensors: a list, or an object with `rules`. The server checks each of them. */
export async function readRules(path: string): Promise<unknown[]> {
  const document = await readDocument(path)
  const rules = z.looseObject({ rules: z.unknown() }).safeParse(document)
  const list = z.array(z.unknown()).safeParse(rules.success ? rules.data.rules : document)
  if (list.success) return list.data
  throw new UsageMistake(`${path} has no rules: write a list such as [{"match": "fc2*", "weights": [1, 0]}].`)
}

/** True if a document is a configuration of mergekit. @throws UsageMistake if it cannot be read */
export function isMergekit(path: string, text: string): boolean {
  const document = parsed(path, text)
  return typeof document === 'object' && document !== null && 'merge_method' in document
}

async function readDocument(path: string): Promise<unknown> {
  return parsed(path, await readText(path))
}

function parsed(path: string, text: string): unknown {
  try {
    return text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text)
  } catch (error) {
    const [reason] = error instanceof Error ? error.message.split('\n') : []
    throw new UsageMistake(`${path} is neither JSON nor YAML: ${reason}.`)
  }
}
