import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { saveDownload } from '../client/files.ts'
import { type Download, type DownloadOptions, TureenConnectionError, TureenDigestError } from '../client/index.ts'
import { whileWriting } from './local-files.ts'
import { CommandFailure } from './mistakes.ts'
import type { Session } from './session.ts'
import { byteProgress } from './terminal.ts'

/** A file to download. `sha256` and `bytes`: null if the server does not say. */
export type PulledFile = {
  path: string
  sha256: string | null
  bytes: number | null
  open(options: DownloadOptions): Promise<Download>
}

/**
 * Downloads a file, which appears at once and whole, after its digest is verified. If the command ends before, the bytes so far stay in a hidden
 * file beside it. That file is named after the digest, so the next command for the same content goes on behind them.
 */
export async function pullFile(
  file: PulledFile,
  { reporter, signal }: Pick<Session, 'reporter' | 'signal'>,
): Promise<void> {
  const { path, sha256, bytes } = file
  const shown = (received: number) => reporter.progress(byteProgress(path, received, bytes))
  if (sha256 === null || bytes === null)
    return whileWriting(path, async () =>
      saveDownload(await file.open({ signal, onProgress: ({ received }) => shown(received) }), path),
    )
  const unfinished = join(dirname(path), `.${basename(path)}.${sha256.slice('sha256:'.length, 23)}.part`)
  await whileWriting(path, async () => {
    const start = await usableBytes(unfinished, bytes)
    if (start < bytes) {
      const { body } = await file.open({
        signal,
        ...(start === 0 ? {} : { range: { start } }),
        onProgress: ({ received }) => shown(start + received),
      })
      const output = await open(unfinished, start === 0 ? 'w' : 'a')
      try {
        for await (const piece of body) await output.writeFile(piece)
        await output.sync()
      } catch (error) {
        if (error instanceof TureenDigestError) await rm(unfinished, { force: true })
        else if (error instanceof TureenConnectionError)
          throw new CommandFailure(error.message, [
            'Run the command again: it goes on behind the bytes that have come.',
          ])
        throw error
      } finally {
        await output.close()
      }
    }
    const actual = await digestOf(unfinished)
    if (actual !== sha256) {
      await rm(unfinished, { force: true })
      throw new CommandFailure(
        `${path} was damaged on its way: its digest is ${actual}, and the server declares ${sha256}.`,
        ['Nothing was written. Run the command again.'],
      )
    }
    await rename(unfinished, path)
  })
}

/** Returns the bytes of an earlier download of the same content that can be used; 0 if there are none, or more than the content has. */
async function usableBytes(unfinished: string, bytes: number): Promise<number> {
  const size = await stat(unfinished).then(
    found => (found.isFile() ? found.size : 0),
    () => 0,
  )
  return size <= bytes ? size : 0
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return `sha256:${hash.digest('hex')}`
}
