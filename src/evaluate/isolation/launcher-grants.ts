import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Real paths of files and directories. `execute`: files that may also be executed. A job's own files come on top. */
export type EvaluatorGrants = { read: string[]; execute: string[] }

/** Paths of the program, relative to its root. The root itself may hold the data directory. */
const program = ['src', 'schemas', 'node_modules', 'package.json']

/** Paths of the system. onnxruntime chooses its kernels by the processor. The loader finds libraries by its cache. */
const system = ['/proc/cpuinfo', '/sys/devices/system/cpu', '/dev/null', '/etc/ld.so.cache']

/**
 * Returns the paths that an evaluator needs to run the program. The libraries are those that this process has loaded. Whole directories of
 * them are granted, since onnxruntime loads more.
 */
export function evaluatorGrants(): EvaluatorGrants {
  const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
  const node = realpathSync(process.execPath)
  const mapped = readFileSync('/proc/self/maps', 'utf8').matchAll(/^\S+ \S+ \S+ \S+ \d+ +(\/.*)$/gm)
  const libraries = [...new Set([...mapped].map(([, path = '']) => path))].filter(path => /\.so[.\d]*$/.test(path))
  const loaders = libraries.filter(path => /\/ld[-\w.]*\.so[.\d]*$/.test(path))
  const read = [...libraries.map(path => dirname(path)), ...program.map(root), getCompileCacheDir(), ...system]
  const existing = read.filter(path => path !== undefined).filter(path => existsSync(path))
  return { read: [...new Set(existing.map(path => realpathSync(path)))], execute: [node, ...loaders] }
}
