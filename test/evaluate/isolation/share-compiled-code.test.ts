import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { shareCompiledCode } from '../../../src/evaluate/isolation/share-compiled-code.ts'
import { temporaryDirectory } from '../../support/server.ts'

test('another user finds compiled code under its own number and can read it, also what came later', async () => {
  const directory = await temporaryDirectory()
  const compiled = join(directory.path, 'v26-x64-abc-0')
  const read = async (name: string) => {
    const path = join(directory.path, 'v26-x64-abc-65522', name)
    return { text: await readFile(path, 'utf8'), mode: (await stat(path)).mode & 0o777 }
  }
  await mkdir(compiled)
  for (const name of ['first', 'second']) {
    await writeFile(join(compiled, name), name, { mode: 0o600 })
    await shareCompiledCode(65522, compiled)
    expect(await read(name)).toEqual({ text: name, mode: 0o644 })
  }
  await directory.remove()
})

test('where it cannot be shared, nothing happens', async () => {
  await shareCompiledCode(65522, '/proc/self/none-0')
})
