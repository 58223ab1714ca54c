import { dirname, join } from 'node:path'
import { type Document, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { PlaceOptions } from './connection.ts'
import { findInput, hasRecords, isReference, type NamedInput } from './inputs.ts'
import { isFile } from './local-files.ts'
import { UsageMistake } from './mistakes.ts'

/** A configuration of mergekit as its file has it, with the places in the text that name models. */
export type MergekitFile = { text: string; references: readonly MergekitReference[] }

type MergekitReference = { name: string; start: number; end: number }

/** Finds the models that a configuration of mergekit names. The server reads everything else. */
export function readMergekitText(text: string): MergekitFile {
  const document = parseDocument(text, { logLevel: 'silent' })
  const slices = itemsOf(document, document.get('slices', true))
  const nodes = [
    document.get('base_model', true),
    ...modelsIn(document, document.get('models', true)),
    ...slices.flatMap(slice => [fieldOf(slice, 'base_model'), ...modelsIn(document, fieldOf(slice, 'sources'))]),
  ]
  const references = nodes.flatMap((node): MergekitReference[] => {
    if (!isScalar(node) && !isAlias(node)) return []
    const scalar = isAlias(node) ? node.resolve(document) : node
    if (!isScalar(scalar) || typeof scalar.value !== 'string' || !node.range) return []
    const [start, end] = node.range
    return [{ name: scalar.value, start, end }]
  })
  return { text, references }
}

/** Returns the text of a configuration with other names for its models. */
export function withModels({ text, references }: MergekitFile, idOf: (name: string) => string): string {
  const parts: string[] = []
  let done = 0
  for (const { name, start, end } of references.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(done, start), JSON.stringify(idOf(name)))
    done = end
  }
  return [...parts, text.slice(done)].join('')
}

/**
 * Returns the inputs that a configuration names, by their names in it. Paths count from the directory of the configuration, and `.onnx` may be
 * left out. A name that is neither file nor id is left to the server, which may have a model of that name.
 * @param path the path of the configuration
 * @throws UsageMistake if there is no such file, and no records that could have the name
 */
export async function mergekitInputs(
  { references }: MergekitFile,
  path: string,
  options: PlaceOptions,
): Promise<Map<string, NamedInput>> {
  const inputs = new Map<string, NamedInput>()
  for (const { name } of references) {
    const beside = [name, `${name}.onnx`].map(each => (each.startsWith('/') ? each : join(dirname(path), each)))
    const found = await firstFile(beside)
    if (found !== undefined) inputs.set(name, await findInput(found, options))
    else if (hasRecords(options) && isReference(name)) inputs.set(name, { kind: 'id', id: name })
    else if (!hasRecords(options))
      throw new UsageMistake(`${path} names the model ${name}, and there is no file ${beside[0]}.`, [
        'Paths count from the directory of the configuration. Write the path of an ONNX file.',
      ])
  }
  return inputs
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isFile(path)) return path
  return undefined
}

function modelsIn(document: Document, list: unknown): unknown[] {
  return itemsOf(document, list).map(item => fieldOf(item, 'model'))
}

/** Returns the items of a list; those that are aliases as what they stand for. */
function itemsOf(document: Document, list: unknown): unknown[] {
  if (!isSeq(list)) return []
  return list.items.map(item => (isAlias(item) ? item.resolve(document) : item))
}

function fieldOf(item: unknown, name: string): unknown {
  return isMap(item) ? item.get(name, true) : undefined
}
