import { Command, Option } from 'commander'
import { z } from 'zod'
import { endUsage, writeMistake } from '../usage-mistakes.ts'
import { environment, secretVariables } from './environment.ts'

/** The variables that have options: all but secrets, which other processes would read in the command line. */
const variables = Object.entries(environment.shape).filter(([name]) => !secretVariables.has(name))

const secrets = `Secrets have no options, since other processes can read options. Set ${[...secretVariables].join(', ')}.`

/** Returns the option that stands for a variable, such as `--max-uploads` for `TUREEN_MAX_UPLOADS`. */
function optionOf(variable: string, description = ''): Option {
  const name = variable
    .replace(/^TUREEN_/, '')
    .toLowerCase()
    .replaceAll('_', '-')
  return new Option(`--${name} <value>`, description.replaceAll('`', '')).env(variable)
}

/**
 * Reads the options of `tureen serve`, each of which stands for a variable of the environment, and goes before it. `--help` and a wrong
 * option end the process.
 *
 * @returns the variables that options or the environment give
 */
export function readServeOptions(given: readonly string[]): Record<string, string> {
  const command = new Command('tureen serve')
    .description('Serve the HTTP API. Each option stands for a variable of the environment, and goes before it.')
    .addHelpText('after', `\n${secrets}`)
    .configureOutput({ outputError: writeMistake })
    .exitOverride(endUsage)
  const options = variables.map(([variable, { description }]) => ({
    variable,
    option: optionOf(variable, description),
  }))
  for (const { option } of options) command.addOption(option)
  command.parse(given, { from: 'user' })
  const values = z.record(z.string(), z.string()).parse(command.opts())
  return Object.fromEntries(
    options.flatMap(({ variable, option }) => {
      const value = values[option.attributeName()]
      return value === undefined ? [] : [[variable, value]]
    }),
  )
}
