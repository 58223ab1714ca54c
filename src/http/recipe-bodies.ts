import fastifyPlugin from 'fastify-plugin'
import type { RecipeReader } from '../jobs/recipe-reader.ts'
import { yamlMediaTypes } from '../merge/yaml-media-types.ts'
import { decodeText } from '../received-text.ts'

/** Content types of the recipes that routes with {@link recipeBodies} take. */
export const recipeMediaTypes = ['application/json', ...yamlMediaTypes]

/** Plugin that reads the bodies of merges: recipes in YAML, and configurations of mergekit. */
export const recipeBodies = fastifyPlugin<{ recipes: RecipeReader }>(async (app, { recipes }) => {
  app.addContentTypeParser<Buffer>([...yamlMediaTypes], { parseAs: 'buffer' }, async (_: unknown, body: Buffer) =>
    recipes.yaml(decodeText(body)),
  )
  app.addHook('preValidation', async request => {
    request.body = await recipes.mergeRequest(request.body)
  })
})
