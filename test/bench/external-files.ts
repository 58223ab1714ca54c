import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { modelForm } from '../support/external-model.ts'
import { manyFilesModel } from '../support/many-files-model.ts'
import type { Absent, Bench, Contestant } from './harness.ts'
import { withFreshServer } from './with-fresh-server.ts'

const run = promisify(execFile)
const python = '/usr/bin/python3'
const script = fileURLToPath(new URL('./write_files.py', import.meta.url))
const files = 1500
const fileBytes = 64

/** A model of many small external files, uploaded in one form, beside the writing and flushing of as many files by Python. */
export const externalFilesBench: Bench = {
  name: 'external-files',
  async open(workspace, signal) {
    return {
      about: [`external-files: ${files.toLocaleString('en')} files of ${fileBytes} bytes`],
      comparisons: [
        {
          row: 'external-files/upload',
          what: 'the upload of a model with its external files, checked, hashed and flushed',
          ours: upload(workspace, signal),
          baseline: () => writing(workspace, signal),
          target: 3,
        },
      ],
      findings: () => [],
    }
  },
}

function upload(workspace: string, signal: AbortSignal): Contestant {
  let seed = 0
  return {
    name: 'Tureen, one form',
    description: 'POST /v1/models to a server that has just started, from the request to the record',
    async run() {
      seed += files
      const request = new Request('http://x', { method: 'POST', body: modelForm(manyFilesModel(files, seed)) })
      const headers = { 'content-type': request.headers.get('content-type') ?? '' }
      const body = await request.arrayBuffer()
      return withFreshServer(workspace, signal, async ({ url }) => {
        const started = performance.now()
        const response = await fetch(`${url}/v1/models`, { method: 'POST', headers, body })
        const text = await response.text()
        const seconds = (performance.now() - started) / 1000
        if (response.status !== 201)
          throw new Error(`the upload was answered ${response.status}: ${text.slice(0, 500)}`)
        return { seconds }
      })
    },
  }
}

async function writing(workspace: string, signal: AbortSignal): Promise<Contestant | Absent> {
  try {
    await run(python, ['--version'], { signal })
  } catch {
    return { name: 'Python', skipped: `there is no ${python}` }
  }
  return {
    name: 'Python, write and fsync',
    description:
      'test/bench/write_files.py: open, write, fsync and close each; its start is not counted, and it hashes nothing',
    async run() {
      const directory = await mkdtemp(join(workspace, 'files-'))
      try {
        const { stdout } = await run(python, [script, directory, String(files), String(fileBytes)], { signal })
        return z.object({ seconds: z.number() }).parse(JSON.parse(stdout))
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  }
}
