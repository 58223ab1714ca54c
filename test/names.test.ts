import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname

function sourcesOf(...folders: string[]): string[] {
  return folders.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => join(folder, name)),
  )
}

function repeated(names: readonly { name: string; file: string }[]): Record<string, string[]> {
  const files = Map.groupBy(names, ({ name }) => name)
  const shared = [...files].filter(([, uses]) => uses.length > 1)
  return Object.fromEntries(shared.map(([name, uses]) => [name, uses.map(({ file }) => file).sort()]))
}

describe('one name for one thing', () => {
  test('no two files of src share a basename', () => {
    const files = sourcesOf('src').map(file => ({ name: basename(file), file }))
    expect(repeated(files)).toEqual({})
  })

  test('a type that a file exports has a name that no other file gives to a type', () => {
    // Each method, metric and route has parameters or options of its own, under the same name.
    const ofEachFile = new Set(['Options', 'Parameters'])
    const types = sourcesOf('cli', 'client', 'page', 'src', 'routes', 'schemas').flatMap(file =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/^(export )?(?:type|interface|class) (\w+)/gm)].map(
        ([, exported, name = '']) => ({ name, file, isExported: exported !== undefined }),
      ),
    )
    const exported = new Set(types.filter(({ isExported }) => isExported).map(({ name }) => name))
    expect(types.length).toBeGreaterThan(500)
    expect(repeated(types.filter(({ name }) => exported.has(name) && !ofEachFile.has(name)))).toEqual({})
  })
})
