import { nearestVariable } from './unknown-variables.ts'

/**
 * Returns the refusal of command-line arguments, with the variable that is nearest to each option; undefined if there are no arguments.
 * It never repeats a value, since that may be a secret.
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
