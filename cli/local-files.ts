import { access, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { saveDownload } from '../client/files.ts'
import { CommandFailure, fileReason, UsageMistake } from './mistakes.ts'
import { requirePipedOutput, standardStream } from './standard-streams.ts'

/** Returns true if there is a file under this path. @throws UsageMistake if there is something else, or if it cannot be looked at */
export async function isFile(path: string): Promise<boolean> {
  try {
    const found = await stat(path)
    if (found.isDirectory())
      throw new UsageMistake(`${path} is a directory. Name the files in it, such as ${path}/*.onnx.`)
    if (!found.isFile()) throw new UsageMistake(`${path} is no regular file. Write its bytes to a file, and name that.`)
    return true
  } catch (error) {
    if (error instanceof UsageMistake) throw error
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))) return false
    throw new UsageMistake(`${path} cannot be read: ${fileReason(error)}.`)
  }
}

/** Checks that a file can be written. @throws UsageMistake if it exists already, unless `force`, or if its directory does not exist */
export async function requireWritable(path: string, force: boolean): Promise<void> {
  if (path === standardStream) return requirePipedOutput()
  const existing = await stat(path).catch(() => undefined)
  if (existing && !existing.isFile())
    throw new UsageMistake(`${path} exists already, and is no regular file. Name another file.`)
  if (existing && !force)
    throw new UsageMistake(`${path} exists already. Add --force to replace it, or name another file.`)
  const directory = dirname(path)
  const isDirectory = await stat(directory).then(
    found => found.isDirectory(),
    () => false,
  )
  if (!isDirectory)
    throw new UsageMistake(`${path} cannot be written: there is no directory ${directory}. Create it first.`)
}

/** Reads a text file. @throws UsageMistake if it cannot be read */
export async function readText(path: string): Promise<string> {
  try {
    await access(path)
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageMistake(`${path} cannot be read: ${fileReason(error)}.`)
  }
}

/** Writes a text file, which appears at once and whole. */
export async function writeText(path: string, text: string): Promise<void> {
  await whileWriting(path, () => saveDownload({ body: new Blob([text]).stream() }, path))
}

/** Runs what writes a file, and explains errors of the system. */
export async function whileWriting<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new CommandFailure(`${path} could not be written: ${fileReason(error)}.`)
  }
}
