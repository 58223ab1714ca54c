import { existsSync } from 'node:fs'

const directories = ['/usr/bin', '/bin', '/sbin', '/usr/sbin']

/** Where a program of the system lies, whatever PATH says; undefined where there is none, or where limits are no matter of such. */
export function systemTool(name: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  return directories.map(directory => `${directory}/${name}`).find(existsSync)
}
