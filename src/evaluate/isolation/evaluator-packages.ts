import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'

/** Packages that an evaluator's modules import. */
const imported = ['onnx-proto', 'onnxruntime-node', 'protobufjs', 'yauzl']

const manifest = z.object({ dependencies: z.record(z.string(), z.string()).default({}) })

/**
 * Returns the directories of the packages that an evaluator loads, with the packages that these depend on. Where the program is installed
 * as a package, `node_modules` belongs to somebody else's project, so evaluators may not read all of it.
 */
export function evaluatorPackages(): string[] {
  const directories = new Set<string>()
  const add = (name: string, importer: string) => {
    const directory = packageDirectory(name, importer)
    // npm may leave out packages that others only work better with.
    if (directory === undefined || directories.has(directory)) return
    directories.add(directory)
    const file = join(directory, 'package.json')
    for (const each of Object.keys(manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).dependencies)) add(each, file)
  }
  for (const name of imported) add(name, import.meta.filename)
  return [...directories]
}

/** Returns the directory of a package as Node finds it; undefined if it is not installed. @param importer path of the importing file */
function packageDirectory(name: string, importer: string): string | undefined {
  const places = createRequire(importer).resolve.paths(name) ?? []
  return places.map(place => join(place, name)).find(directory => existsSync(join(directory, 'package.json')))
}
