import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPage } from '../../src/browser-page/build-page.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'page'))
  await cp(join(projectRoot, 'client'), join(directory.path, 'client'), { recursive: true })
  await symlink(join(projectRoot, 'node_modules'), join(directory.path, 'node_modules'))
  await writeFile(join(directory.path, 'page/style.css'), 'body {}')
  await writeFile(join(directory.path, 'page/part.ts'), 'export const part: number = 1\n')
  await writeFile(join(directory.path, 'page/later.ts'), "export { h } from 'preact'\n")
})
afterAll(() => directory.remove())

async function built(main: string) {
  await writeFile(join(directory.path, 'page/main.ts'), main)
  return buildPage(directory.path)
}

test('names of packages and of TypeScript become relative paths of files, in imports, exports and import()', async () => {
  const { files, first, entry } = await built(
    [
      "import type { ModelRecord } from '../schemas/model.ts'",
      "import { useState } from 'preact/hooks'",
      "export { part } from './part.ts'",
      "export const later = (name: ModelRecord['name']) => [name, useState, import('./later.ts'), import.meta.url]",
    ].join('\n'),
  )
  const text = files[entry]?.text ?? ''
  expect(text).toContain("import { useState } from '../packages/preact/hooks/dist/hooks.js'")
  expect(text).toContain("export { part } from './part.js'")
  expect(text).toContain('import("./later.js"), import.meta.url')
  expect(text).not.toContain('ModelRecord')
  expect(files['page/later.js']?.text).toContain("'../packages/preact/dist/preact.js'")
  // A module that is imported later is served, and not loaded at the start.
  expect(first).toEqual([
    'page/main.js',
    'packages/preact/hooks/dist/hooks.js',
    'packages/preact/dist/preact.js',
    'page/part.js',
  ])
})

test('the version changes with any file, and with nothing else', async () => {
  const { version } = await built('export const a = 1\n')
  expect((await built('export const a = 2\n')).version).not.toBe(version)
  expect((await built('export const a = 1\n')).version).toBe(version)
})

test.each([
  [
    'a schema',
    "import { model } from '../schemas/model.ts'\nexport const a = model\n",
    /^page\/main.ts imports \.\.\/schemas\/model.ts\. /,
  ],
  [
    'a module of Node',
    "import { join } from 'node:path'\nexport const a = join\n",
    /imports node:path, which browsers cannot load/,
  ],
  ['a package that is not there', "import 'not-a-package'\n", /imports not-a-package, which browsers cannot load/],
  [
    'a module that its package does not export',
    "import 'preact/nothing'\n",
    /imports preact\/nothing, which browsers cannot load/,
  ],
  ['a module by an expression', "const a = './part.ts'\nexport const b = import(a)\n", /by an expression/],
])('what browsers cannot load is refused by name: %s', async (_, main, message) => {
  await expect(built(main)).rejects.toThrow(message)
})
