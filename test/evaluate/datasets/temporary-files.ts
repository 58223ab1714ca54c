import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { DatasetFile } from '../../../src/evaluate/datasets/dataset.ts'

/** Writes files for the tests of one file, and takes them away afterwards. */
export function temporaryFiles(): (name: string, bytes: Uint8Array) => DatasetFile {
  const directory = mkdtempSync(join(tmpdir(), 'tureen-datasets-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  let count = 0
  return (name, bytes) => {
    count += 1
    const path = join(directory, String(count))
    writeFileSync(path, bytes)
    return { name, path }
  }
}
