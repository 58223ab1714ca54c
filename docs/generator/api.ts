import { z } from 'zod'
import { answerHeaders } from '../../src/http/answer-headers.ts'
import { pathsWithInlineParts } from './inline-parts.ts'
import { code, page, table } from './markdown.ts'
import { openApiDocument } from './openapi-document.ts'
import { valuesOf } from './parameters.ts'

const media = z.record(z.string(), z.unknown()).default({})
const operation = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()).default(['service']),
  'x-scope': z.union([z.string(), z.array(z.string())]).optional(),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean().default(false),
        description: z.string().default(''),
        schema: z.unknown(),
      }),
    )
    .default([]),
  requestBody: z.object({ content: media }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string().default(''), content: media })),
})
const paths = z.record(z.string(), z.record(z.string(), operation))
type Operation = z.infer<typeof operation>

/** Returns the operations in the OpenAPI document of a server that has no data. */
async function documentedPaths(): Promise<z.infer<typeof paths>> {
  return paths.parse(pathsWithInlineParts(await openApiDocument()))
}

function section(
  path: string,
  method: string,
  { operationId, summary, description, 'x-scope': scope, ...described }: Operation,
): string {
  const bodies = Object.keys(described.requestBody?.content ?? {})
  const parameters = described.parameters.map(({ name, in: place, required, description, schema }) => [
    code(name),
    place,
    `${valuesOf(schema)}${required ? '; required' : ''}`,
    description || String(Object(schema).description ?? ''),
  ])
  const answers = Object.entries(described.responses).map(([status, { description, content }]) => [
    status,
    Object.keys(content).map(code).join(', '),
    description,
  ])
  return [
    `### ${method.toUpperCase()} ${path}`,
    `${summary} (\`${operationId}\`).`,
    ...(description ? [description] : []),
    `Scope: ${scope ? [scope].flat().map(code).join(' or ') : 'none'}.${bodies.length > 0 ? ` Body: ${bodies.map(code).join(', ')}.` : ''}`,
    ...(parameters.length > 0 ? [table(['parameter', 'in', 'values', 'meaning'], parameters)] : []),
    table(['status', 'content', 'meaning'], answers),
  ].join('\n\n')
}

/** Returns the page of all operations of the API, with scope, parameters, bodies and answers, and of the headers of answers. */
export async function apiPage(): Promise<string> {
  const operations = Object.entries(await documentedPaths()).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method, described })),
  )
  const byTag = Map.groupBy(operations, ({ described }) => described.tags[0] ?? '')
  const sections = [...byTag].flatMap(([tag, own]) => [
    `## ${tag}`,
    ...own.map(({ path, method, described }) => section(path, method, described)),
  ])
  return page(
    'HTTP API',
    '`GET /openapi.json` of a server is the contract: it has the schema of every body and answer. `GET /docs/api` shows it as a page. This ' +
      'page lists the operations.',
    ...sections,
    '## Headers of answers',
    table(
      ['header', 'meaning'],
      Object.entries(answerHeaders).map(([name, { description }]) => [code(name), description]),
    ),
  )
}
