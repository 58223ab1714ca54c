import { withAnswerHeaders } from './answers.ts'
import { withPlainSchemas, withUsedComponents } from './components.ts'
import { isObject, type JsonObject, mapMembers, memberOf } from './json.ts'
import { mergeComponents, withMergeComponents } from './merge-components.ts'
import { withSharedParts } from './shared.ts'

/** The parts of the OpenAPI document that describe the whole API. */
export const about = {
  openapi: '3.1.0',
  info: {
    title: 'Tureen',
    summary: 'Model soups out of ONNX files, over HTTP',
    description:
      'Averages the weights of fine-tuned variants of one network, searches for the best models to average, and scores the results with onnxruntime. Errors are application/problem+json with a stable code.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    contact: { name: 'The Tureen authors' },
  },
  server: { description: 'This server' },
  tags: [
    { name: 'soups', description: 'Merging models, in one request or as a job' },
    { name: 'models', description: 'Models, their tensors, files, recipes and scores' },
    {
      name: 'exports',
      description: 'ONNX models out of checkpoints: how the weights of a model follow from a checkpoint',
    },
    { name: 'datasets', description: 'Data sets that models are scored on' },
    { name: 'evaluation', description: 'Scoring models on data sets' },
    { name: 'searches', description: 'Searching for the best models and weights to average' },
    { name: 'candidates', description: 'Candidates of searches whose scores come from outside' },
    { name: 'jobs', description: 'Durable work: records, progress, events and cancellation' },
    { name: 'service', description: 'Health, usage and service metrics' },
  ],
  components: {
    securitySchemes: {
      token: {
        type: 'http',
        scheme: 'bearer',
        description:
          'A token that the operator has set. `x-scope` of an operation names the scope that it needs, or several of which one is enough: read, score (external scorers), write (includes both) or admin (includes all). A server without configured tokens needs none.',
      },
    },
  },
} as const

/**
 * Returns the OpenAPI document for clients, made from the one that Fastify generates from the routes' schemas. It adds merge methods,
 * headers of answers and an id for each operation, moves defaults into descriptions, and drops unused components.
 */
export function apiDocument(generated: unknown): JsonObject {
  const merged = withMergeComponents(generated)
  if (!isObject(merged)) return {}
  const components = memberOf(merged, 'components')
  const schemas = { ...memberOf(components, 'schemas'), ...mergeComponents() }
  const complete = { ...merged, components: { ...components, schemas } }
  return withSharedParts(withAnswerHeaders(withHeadIds(withPlainSchemas(withUsedComponents(complete)))))
}

/**
 * Returns the document with an operation id for each HEAD operation, such as headModelContent for getModelContent. Fastify serves HEAD by
 * the route of GET.
 */
function withHeadIds(document: JsonObject): JsonObject {
  const paths = mapMembers(memberOf(document, 'paths'), methods => {
    const { operationId } = memberOf(methods, 'get')
    if (!('head' in methods) || typeof operationId !== 'string') return methods
    return { ...methods, head: { ...memberOf(methods, 'head'), operationId: operationId.replace(/^get/, 'head') } }
  })
  return { ...document, paths }
}
