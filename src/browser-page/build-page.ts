import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join, relative } from 'node:path/posix'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { init, parse } from 'es-module-lexer'
import type { BuiltFile, BuiltPage } from './built-page.ts'
import { packageModule } from './package-module.ts'

const entry = 'page/main.ts'
const style = 'page/style.css'

/** Folders of the project whose modules browsers may load. */
const ownFolders = ['page/', 'client/']

/** Folder of the modules of packages, in place of `node_modules`. */
const packageFolder = 'packages/'

/** A module as browsers load it. `imports`: paths below the project of the modules that it needs before it runs; `later`: of others. */
type BrowserModule = { path: string; text: string; imports: string[]; later: string[] }

/**
 * Builds the page from the sources in a checkout: removes types, and makes relative paths of the names of packages. Each module stays a
 * module of its own. Takes a second of the processor, so it runs at install, when the package is made, or in a worker thread.
 *
 * @param root the directory of the project, with `node_modules`
 * @throws Error that names a module which browsers cannot load
 */
export async function buildPage(root: string): Promise<BuiltPage> {
  await init
  const modules = new Map<string, BrowserModule>()
  const add = async (path: string) => {
    if (modules.has(path)) return
    const module = await browserModule(root, path)
    modules.set(path, module)
    for (const each of module.imports) await add(each)
  }
  await add(entry)
  const first = [...modules.keys()].map(servedPath)
  for (const { later } of modules.values()) for (const each of later) await add(each)
  const css = await readFile(join(root, style), 'utf8')
  const texts = new Map([
    [style, css],
    ...[...modules.values()].map(({ path, text }) => [servedPath(path), text] as const),
  ])
  const hash = createHash('sha256')
  for (const [path, text] of [...texts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path}\n${text.length}\n${text}`)
  return {
    version: hash.digest('hex').slice(0, 16),
    entry: servedPath(entry),
    style,
    first,
    files: Object.fromEntries([...texts].map(([path, text]) => [path, builtFile(text)])),
  }
}

/** Returns the path under which the server serves a module, such as `page/main.js` or `packages/htm/dist/htm.module.js`. */
function servedPath(path: string): string {
  return path.replace(/^node_modules\//, packageFolder).replace(/\.m?[tj]s$/, '.js')
}

async function browserModule(root: string, path: string): Promise<BrowserModule> {
  const source = await readFile(join(root, path), 'utf8')
  const code = path.endsWith('.ts') ? stripTypeScriptTypes(source) : source
  const imports: string[] = []
  const later: string[] = []
  let text = ''
  let copied = 0
  const [found] = parse(code, path)
  for (const each of found) {
    if (each.type === 'import-meta') continue
    const { type, specifier, start, end } = each
    if (specifier === undefined) throw new Error(`${path} imports a module by an expression. Write its name as a text.`)
    const target = await targetOf(root, path, specifier)
    if (type === 'dynamic') later.push(target)
    else imports.push(target)
    const step = relative(join(servedPath(path), '..'), servedPath(target))
    const written = step.startsWith('.') ? step : `./${step}`
    // The place of a dynamic import includes its quotes.
    text += code.slice(copied, start) + (type === 'dynamic' ? JSON.stringify(written) : written)
    copied = end
  }
  text += code.slice(copied)
  return { path, text: text.replaceAll(/^\/\/# sourceMappingURL=.*$/gm, ''), imports, later }
}

/** Returns the path below the project of the module that a module imports by this name. */
async function targetOf(root: string, path: string, name: string): Promise<string> {
  const target = name.startsWith('.') ? join(path, '..', name) : await packageModule(root, path, name)
  if ([...ownFolders, 'node_modules/'].some(folder => target.startsWith(folder))) return target
  throw new Error(
    `${path} imports ${name}. Browsers load modules of ${ownFolders.join(', ')} and of packages only; import its types with "import type".`,
  )
}

/** Bytes from which a file is compressed faster: ECharts would take 3 seconds of the processor at the best quality, for 9 % less. */
const largeBytes = 100_000

/** Quality of Brotli for large files. */
const quickQuality = 9

function builtFile(text: string): BuiltFile {
  const bytes = Buffer.from(text)
  const quality = bytes.length < largeBytes ? constants.BROTLI_MAX_QUALITY : quickQuality
  return {
    text,
    brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }).toString('base64'),
    gzip: gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }).toString('base64'),
  }
}
