import { createHash } from 'node:crypto'
import { defaultTable } from './default-table.ts'
import { readChangelog } from './read-changelog.ts'
import { typeSlots } from './type-slots.ts'

/** The documents that the tables are made from, in the folder `docs` of ONNX's repository. */
export const documentNames = ['Changelog.md', 'Changelog-ml.md'] as const

/** The texts of the documents, and where they are from: a release of ONNX, such as 1.23.0, and a commit of its repository. */
export type OperatorDocuments = {
  release: string
  commit: string
  texts: Readonly<Record<(typeof documentNames)[number], string>>
}

/**
 * The modules of src/onnx/generated, by file name.
 *
 * @throws Error for a document that has an unknown form
 */
export function generatedModules({ release, commit, texts }: OperatorDocuments): Record<string, string> {
  const operators = documentNames.flatMap(name => readChangelog(texts[name]))
  const domains = [...Map.groupBy(operators, ({ domain }) => domain)].sort(([a], [b]) => (a < b ? -1 : 1))
  const sha256 = Object.fromEntries(documentNames.map(name => [name, digest(texts[name])]))
  const newest = domains.map(([domain, some]) => [domain, Math.max(...some.map(({ since }) => since))] as const)
  const defaults = domains.map(([domain, some]) => [domain, defaultTable(some)] as const)
  const onnx = domains.find(([domain]) => domain === '')?.[1] ?? []
  return {
    'operator-documents.ts': `${heading("The documents of ONNX's operators that the tables beside this file are made from.")}
export const operatorDocuments = ${literal({ release, commit, sha256 })}

/** The newest version of each operator set in these documents, by domain; '' is ai.onnx. */
export const documentedOpsets: Readonly<Record<string, number>> = ${literal(Object.fromEntries(newest))}
`,
    'documented-defaults.ts': `import type { DefaultTable } from '../graph/default-table.ts'

${heading('Defaults of attributes as the documents print them, by domain. Floats are rounded to five decimals there.')}
export const documentedDefaults: Readonly<Record<string, DefaultTable>> = {
${defaults.map(([domain, table]) => `  ${key(domain)}: {\n${lines(table, '    ')}  },\n`).join('')}}
`,
    'documented-type-slots.ts': `import type { OperatorSignatures } from '../graph/operator-signatures.ts'

${heading('Types that all operators of ai.onnx take.')}
export const documentedTypeSlots: OperatorSignatures = {
${lines(typeSlots(onnx), '  ')}}
`,
  }
}

function heading(what: string): string {
  return `/** ${what} \`npm run build:operators\` makes this file: do not edit it. */`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** One line for each operator. */
function lines(table: Readonly<Record<string, object>>, indent: string): string {
  const sorted = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([opType, value]) => `${indent}${key(opType)}: ${literal(value)},\n`).join('')
}

/** A value as TypeScript writes it, on one line. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  const fields = Object.entries(value).map(([name, field]) => `${key(name)}: ${literal(field)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function key(name: string): string {
  return /^(?:[a-z_]\w*|\d+)$/i.test(name) ? name : literal(name)
}
