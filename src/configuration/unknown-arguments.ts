import { nearestVariable } from './unknown-variables.ts'

/**
 * Why the server does not take these command-line arguments, naming the variable that is nearest to each option; undefined if there
 * are none. Values are not repeated: one may be a secret.
 */
export function unknownArguments(given: readonly string[], variables: readonly string[]): string | undefined {
  if (given.length === 0) return undefined
  const options = given.flatMap(argument => /^--?([a-z][a-z0-9_-]*)/i.exec(argument)?.[1] ?? [])
  const named = options.map(option => {
    const variable = nearestVariable(option.toUpperCase().replaceAll('-', '_'), variables)
    return `instead of --${option} perhaps ${variable}`
  })
  const count = given.length === 1 ? 'one argument' : `${given.length} arguments`
  const hint = named.length > 0 ? ` (${named.join(', ')})` : ''
  return `The server was started with ${count} and takes none. Set environment variables${hint}, such as PORT=8080 npm start; docs/reference/configuration.md lists them.`
}
