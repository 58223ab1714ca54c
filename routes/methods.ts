import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { methodList } from '../schemas/method.ts'
import { parameterSchema } from '../src/http/method-parameters.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { methods } from '../src/merge/methods/merge-method-registry.ts'

/** Route that lists the merge methods of the registry. */
export const methodRoutes: FastifyPluginAsyncZod = async app => {
  // Build the list once: the JSON Schemas of all parameters take milliseconds.
  const items = [...methods.values()].map(method => ({
    name: method.name,
    description: method.description,
    formula: method.formula,
    source: method.source,
    parameters: parameterSchema(method),
    models: method.models,
    needsBase: method.base === 'required',
    base: method.base,
    needsFisher: method.fisher,
    weights: method.weights,
    normalize: method.normalize,
    needs: [...method.needs],
  }))
  app.get(
    '/v1/methods',
    {
      schema: {
        operationId: 'listMergeMethods',
        summary: 'List merge methods',
        description: 'Formula, parameters and source of each merge method.',
        tags: ['soups'],
        response: { 200: methodList, ...problemResponses() },
      },
    },
    async () => ({ items }),
  )
}
