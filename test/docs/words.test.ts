import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { environment } from '../../src/configuration/environment.ts'
import { errorCatalogue } from '../../src/error-catalogue.ts'
import { metrics } from '../../src/evaluate/metrics/metric-registry.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { methods } from '../../src/merge/methods/merge-method-registry.ts'
import { projectFile, projectRoot } from '../support/server.ts'

/** Words of other programs for things that have one word here: content, candidate. */
const otherWords = /\b(artifacts?|artefacts?|blobs?|trials?)\b/i

/** Words that the glossary must explain. */
const explained = [
  ...['base', 'block', 'candidate', 'catalog', 'content', 'data set', 'evaluator', 'external data', 'fingerprint'],
  ...['Fisher information', 'gradient', 'HTTP method', 'intra-op threads', 'job', 'label', 'location', 'merge'],
  ...['merge method', 'quarantine', 'recalibration', 'recipe', 'record', 'report', 'rule', 'scope', 'score'],
  ...['scoring metric', 'search', 'service metric', 'soup', 'split', 'strategy', 'upload slot', 'worker'],
  ...['worker thread', 'write-ahead log'],
]

const mostWords = 25
/** Beginnings that make a clause stand for a noun. */
const clause = /^(Of|That|What|Whether|Which|Whichever|How|As|Where|Whoever)\b/

function descriptionsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(descriptionsIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'description' && typeof each === 'string' ? [each] : descriptionsIn(each),
  )
}

async function schemaDescriptions(): Promise<string[]> {
  const files = (await readdir(join(projectRoot, 'schemas'))).filter(name => name.endsWith('.ts'))
  const modules = await Promise.all(files.map((name): Promise<object> => import(join(projectRoot, 'schemas', name))))
  const schemas = modules.flatMap(module => Object.values(module)).filter(value => value instanceof z.ZodType)
  return schemas.flatMap(schema =>
    (['input', 'output'] as const).flatMap(io =>
      descriptionsIn(z.toJSONSchema(schema, { io, unrepresentable: 'any' })),
    ),
  )
}

/** The sentences and clauses of a text, without code and lists in parentheses. */
function sentencesOf(text: string): string[] {
  return text.replaceAll(/\([^)]*\)|\{[^}]*\}|`[^`]*`/g, '').split(/[.;:](?:\s|$)/)
}

const descriptions = [
  ...(await schemaDescriptions()),
  ...descriptionsIn(z.toJSONSchema(environment, { unrepresentable: 'any' })),
  ...Object.values(errorCatalogue).flatMap(({ title, help }) => [title, help]),
  ...[...metrics.values(), ...methods.values()].map(({ description }) => description),
  ...createMetrics()
    .list()
    .map(({ help }) => help),
]

test('descriptions of the API, settings, errors and metrics begin with no clause in place of a noun', () => {
  expect(descriptions.length).toBeGreaterThan(300)
  expect(descriptions.filter(text => clause.test(text))).toEqual([])
})

test(`descriptions have no sentence of more than ${mostWords} words`, () => {
  const isLong = (sentence: string) => sentence.split(/\s+/).filter(word => /\w/.test(word)).length > mostWords
  expect([...new Set(descriptions.flatMap(sentencesOf).filter(isLong))]).toEqual([])
})

test('descriptions and pages call content and candidates by these words only', async () => {
  const names = (await readdir(join(projectRoot, 'docs'), { recursive: true })).filter(name => name.endsWith('.md'))
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...names.map(name => `docs/${name}`)]
  const texts = await Promise.all(pages.map(async page => `${page}: ${await projectFile(page)}`))
  const lines = [...texts.flatMap(text => text.split('\n')), ...descriptions].map(line =>
    line.replaceAll(/https?:\S+|`[^`]*`/g, ''),
  )
  expect(lines.filter(line => otherWords.test(line))).toEqual([])
})

test('the glossary explains every word that the documentation relies on, in alphabetical order', async () => {
  const text = String(await projectFile('docs/concepts/glossary.md'))
  const words = [...text.matchAll(/^\| ([^|]+) \|/gm)]
    .map(([, word = '']) => word)
    .filter(word => !/^(word|-+)$/.test(word))
  expect(explained.filter(word => !words.includes(word))).toEqual([])
  expect(words).toEqual(words.toSorted((a, b) => a.localeCompare(b, 'en', { sensitivity: 'base' })))
})
