import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { evaluatorPackages } from './evaluator-packages.ts'

/** Real paths of files and directories. `execute`: files that may also be executed. A job's own files come on top. */
export type EvaluatorGrants = { read: string[]; execute: string[] }

/** Paths of the program, relative to its root. The root itself may hold the data directory. */
const program = ['src', 'schemas', 'package.json']

/** Paths of the system. onnxruntime chooses its kernels by the processor. The loader finds libraries by its cache. */
const system = ['/proc/cpuinfo', '/sys/devices/system/cpu', '/dev/null', '/etc/ld.so.cache']

/** Directories whose libraries the system installs. Others may hold anything beside a library, such as the home of a user. */
const installed = /^\/(?:lib\w*|usr|nix\/store)\//

/**
 * Returns the paths that an evaluator needs to run the program. The libraries are those that this process has loaded. Whole directories of
 * the system are granted with them, since onnxruntime loads more.
 */
export function evaluatorGrants(): EvaluatorGrants {
  const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
  const libraries = libraryGrants(readFileSync('/proc/self/maps', 'utf8'))
  const read = [...libraries.read, ...program.map(root), ...evaluatorPackages(), getCompileCacheDir(), ...system]
  const existing = read.filter(path => path !== undefined).filter(path => existsSync(path))
  return {
    read: [...new Set(existing.map(path => realpathSync(path)))],
    execute: [realpathSync(process.execPath), ...libraries.execute],
  }
}

/** Returns the paths that the libraries of a process need. `execute`: the loader. @param maps its /proc/PID/maps */
export function libraryGrants(maps: string): EvaluatorGrants {
  const mapped = [...maps.matchAll(/^\S+ \S+ \S+ \S+ \d+ +(\/.*)$/gm)].map(([, path = '']) => path)
  const libraries = [...new Set(mapped)].filter(path => /\.so[.\d]*$/.test(path))
  return {
    read: [...new Set(libraries.map(path => (installed.test(path) ? dirname(path) : path)))],
    execute: libraries.filter(path => /\/ld[-\w.]*\.so[.\d]*$/.test(path)),
  }
}
