import { createReadStream, createWriteStream, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CommandFailure, fileReason, UsageMistake } from './mistakes.ts'

/** The argument that means standard input, or as an output standard output. */
export const standardStream = '-'

/** The name of standard input in messages. */
export const standardInputName = 'standard input'

let isRead = false

/**
 * Writes standard input to a temporary file, which goes with the process.
 * @returns its path
 * @throws UsageMistake if it is a terminal, or if an earlier argument has read it
 */
export async function readStandardInput(): Promise<string> {
  if (isRead) throw new UsageMistake('Two arguments are -, and standard input can be read once. Name a file for one.')
  if (process.stdin.isTTY)
    throw new UsageMistake('The argument - means standard input, which is a terminal. Pipe a file into the command.')
  isRead = true
  try {
    const directory = await mkdtemp(join(tmpdir(), 'tureen-'))
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    const path = join(directory, 'standard-input')
    await pipeline(process.stdin, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
    return path
  } catch (error) {
    throw new CommandFailure(`Standard input could not be kept in ${tmpdir()}: ${fileReason(error)}.`)
  }
}

/** Checks that a file can go to standard output. @throws UsageMistake if it is a terminal */
export function requirePipedOutput(): void {
  if (process.stdout.isTTY)
    throw new UsageMistake(
      '-o - writes the model to standard output, which is a terminal. Redirect it, or name a file.',
    )
}

/** Writes a file to standard output. @param source its path, or its bytes */
export async function writeStandardOutput(source: string | ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const bytes = typeof source === 'string' ? createReadStream(source, { highWaterMark: 1 << 20 }) : readable(source)
  await pipeline(bytes, process.stdout, { end: false })
}

function readable(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Readable {
  return Readable.from(stream)
}
