import { accessSync, constants } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Returns the path of the launcher for this system. It is undefined if there is none: on other systems than Linux, or where nothing could
 * compile it (`launcher/build.ts`).
 */
export function launcherBinary(): string | undefined {
  if (process.platform !== 'linux') return undefined
  const path = fileURLToPath(new URL(`../../../launcher/bin/linux-${process.arch}`, import.meta.url))
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
  }
}
