import { readFileSync } from 'node:fs'
import { normalize } from 'node:path'
import ort from 'onnxruntime-node'
import type { FilesOnDisk } from './check-file.ts'

/** The process in which onnxruntime opens models, from memory and without a path. It lives in an empty directory. */

export type Opened = { opens: boolean; reason: string }

/** onnxruntime takes a/b and ./a/b for one file, and refuses to be given it twice. */
function dataOf(external: FilesOnDisk['external']): { path: string; data: Uint8Array }[] {
  const byName = new Map(external.map(({ location, path }) => [normalize(location), path]))
  return [...byName].map(([path, file]) => ({ path, data: readFileSync(file) }))
}

async function open({ path, external }: FilesOnDisk): Promise<Opened> {
  try {
    const session = await ort.InferenceSession.create(readFileSync(path), {
      externalData: dataOf(external),
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      enableCpuMemArena: false,
      enableMemPattern: false,
      // Whether it opens is what matters, not how fast it would run.
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    })
    await session.release()
    return { opens: true, reason: '' }
  } catch (error) {
    return { opens: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

process.on('message', (files: FilesOnDisk) => void open(files).then(answer => process.send?.({ answer })))
process.on('disconnect', () => process.exit(0))
