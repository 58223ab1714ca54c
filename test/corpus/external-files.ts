import { realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'

/**
 * Where the external data of a model lie: the file that a location names, seen from the model's directory. Undefined where there
 * is none, and where it would lie outside: above the model's directory, or through a link outside of `root`.
 */
export function externalFile(modelPath: string, location: string, root: string): string | undefined {
  if (location.includes('\0') || isAbsolute(location)) return undefined
  const relative = normalize(location)
  if (relative === '..' || relative.startsWith(`..${sep}`)) return undefined
  const path = join(dirname(modelPath), relative)
  try {
    return statSync(path).isFile() && isWithin(realpathSync(path), root) ? path : undefined
  } catch {
    return undefined
  }
}

export function isWithin(path: string, root: string): boolean {
  const real = realpathSync(root)
  return path === real || path.startsWith(real.endsWith(sep) ? real : real + sep)
}
