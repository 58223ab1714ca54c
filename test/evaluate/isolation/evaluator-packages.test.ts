import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { evaluatorPackages } from '../../../src/evaluate/isolation/evaluator-packages.ts'
import { projectRoot } from '../../support/server.ts'

/** Adds the names of the packages that a module and the modules below it import. */
function addImports(file: string, seen: Set<string>, names: Set<string>): void {
  if (seen.has(file)) return
  seen.add(file)
  const source = readFileSync(file, 'utf8').replaceAll(/^(?:import|export) type [^']*'[^']*'/gm, '')
  for (const [, name = ''] of source.matchAll(/(?:\bfrom |\bimport\(|^import )'([^']+)'/gm))
    if (name.startsWith('.')) addImports(resolve(dirname(file), name), seen, names)
    else if (!name.startsWith('node:'))
      names.add(
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      )
}

test('an evaluator may read the packages that its modules import, and what they depend on', () => {
  const imported = new Set<string>()
  for (const entry of ['src/evaluate/child/main.ts', 'src/evaluate/isolation/probe-child.ts'])
    addImports(resolve(projectRoot, entry), new Set(), imported)
  const granted = evaluatorPackages()
  expect(imported).toContain('onnxruntime-node')
  expect(granted.map(path => basename(path))).toEqual(
    expect.arrayContaining([...imported, 'onnxruntime-common', 'long', 'pend']),
  )
  expect(granted).not.toContain(resolve(projectRoot, 'node_modules'))
})
