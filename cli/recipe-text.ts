import type { Session } from './session.ts'

/** Returns the recipe that makes a model again, in YAML if the name of its file asks for that, and else in JSON. */
export async function recipeText(
  { client, signal }: Pick<Session, 'client' | 'signal'>,
  id: string,
  path: string,
): Promise<string> {
  if (/\.ya?ml$/i.test(path)) return client.getModelRecipe(id, { as: 'yaml', signal })
  return `${JSON.stringify(await client.getModelRecipe(id, { signal }), null, 2)}\n`
}
