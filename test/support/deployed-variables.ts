import { fileURLToPath } from 'node:url'
import { type Config, readConfig } from '../../src/config.ts'
import { projectFile } from './server.ts'

/** Variables of the image, as the Dockerfile sets them. */
export async function imageVariables(): Promise<Record<string, string>> {
  const lines = [...String(await projectFile('Dockerfile')).matchAll(/^ENV (.+)$/gm)].flatMap(([, line = '']) =>
    line.split(' '),
  )
  return Object.fromEntries(lines.map(each => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]))
}

/** A file with a token, in place of the one that a container has. */
const tokens = fileURLToPath(new URL('../../deploy/kubernetes/example/tokens', import.meta.url))

/**
 * Returns the configuration of a container of the image with these variables.
 * @throws Error if the server would not start with them
 */
export async function deployedConfig(variables: Record<string, string>): Promise<Config> {
  const all = { ...(await imageVariables()), ...variables }
  return readConfig(all['TUREEN_TOKENS_FILE'] === undefined ? all : { ...all, TUREEN_TOKENS_FILE: tokens })
}

/** Returns the variables in a file of lines `NAME=value`, as Compose and kustomize read it. */
export function variablesIn(file: string): Record<string, string> {
  const lines = file.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}
