import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { getCompileCacheDir } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { readKept, writeKept } from '../http/api-document/kept-text.ts'
import { isPackaged, moduleUrl } from '../own-modules.ts'

const builtFile = z.object({
  text: z.string(),
  brotli: z.string().describe('The text in Brotli, in base64'),
  gzip: z.string().describe('The text in gzip, in base64'),
})

const builtPage = z.object({
  version: z.string().describe('Digest of all files; part of their addresses'),
  entry: z.string().describe('Path of the module that starts the page'),
  style: z.string().describe('Path of the style sheet'),
  first: z.array(z.string()).describe('Paths of the modules that the page needs to start'),
  files: z.record(z.string(), builtFile),
})

/** A file of the page. */
export type BuiltFile = z.infer<typeof builtFile>

/** The page as browsers load it: its files by their paths, such as `page/main.js`. */
export type BuiltPage = z.infer<typeof builtPage>

/** Path of the built page below `dist/` of the package. */
export const packagedPage = 'page/built.json'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Reads the page. The package has it ready-made. In a checkout it is kept beside Node's compiled code, where `npm ci` puts it. If a source
 * has changed since, a worker thread builds it again.
 */
export async function readBuiltPage(): Promise<BuiltPage> {
  if (isPackaged) return builtPage.parse(JSON.parse(await readFile(join(root, packagedPage), 'utf8')))
  const subject = await sourceDigest()
  const cache = getCompileCacheDir()
  const path = cache && join(cache, 'page.json')
  const kept = path && readKept(path, subject)
  if (kept) return builtPage.parse(JSON.parse(kept))
  const page = await buildInThread()
  if (path) writeKept(path, subject, JSON.stringify(page))
  return page
}

/** Returns a digest of the sources of the page, of what builds it, and of the versions of the packages. */
async function sourceDigest(): Promise<string> {
  const folders = await Promise.all(
    ['client', 'page', 'src/browser-page'].map(async folder =>
      (await readdir(join(root, folder), { recursive: true })).map(name => join(folder, name)),
    ),
  )
  const hash = createHash('sha256')
  for (const name of [
    'package.json',
    ...folders
      .flat()
      .filter(each => /\.(ts|css)$/.test(each))
      .sort(),
  ]) {
    const text = await readFile(join(root, name), 'utf8')
    hash.update(`${name}\n${text.length}\n${text}`)
  }
  return hash.digest('hex')
}

/** Builds the page in a worker thread. */
export function buildInThread(): Promise<BuiltPage> {
  const url = moduleUrl('./build-thread.ts', import.meta.url)
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData: { root }, execArgv: ['--disable-warning=ExperimentalWarning'] })
    worker.once('message', page => resolve(builtPage.parse(page)))
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the thread that builds the page ended without it')))
  })
}
