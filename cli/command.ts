import { Command } from 'commander'
import { z } from 'zod'
import { endUsage, writeMistake } from '../src/usage-mistakes.ts'

/** Options of every command, as {@link createCommand} declares them. */
export const commonOptions = {
  server: z.string().optional(),
  tokenFile: z.string().optional(),
  store: z.string().optional(),
  json: z.boolean().default(false),
  quiet: z.boolean().default(false),
}

/** Returns a command with the options that all have. A wrong argument ends the process with code 2. */
export function createCommand(name: string, description: string): Command {
  return new Command(`tureen ${name}`)
    .description(description)
    .option('--server <url>', 'work on this server, where arguments may also be ids (TUREEN_URL)')
    .option('--token-file <file>', 'file with the token for the server (TUREEN_TOKEN_FILE; TUREEN_TOKEN has the token)')
    .option('--store <directory>', 'work in this store without a server, and keep what the command puts there')
    .option('--json', 'write one document of the HTTP API on standard output, and nothing else')
    .option('--quiet', 'write errors only')
    .helpOption('-h, --help', 'print this text')
    .configureOutput({ outputError: writeMistake })
    .exitOverride(endUsage)
}

/** Collects the values of an option that can be repeated. */
export function repeated(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** Reads the arguments of a command. @returns its options, and what is no option */
export function readCommand<Options extends z.ZodType>(
  command: Command,
  options: Options,
  given: readonly string[],
): { options: z.infer<Options>; names: readonly string[] } {
  // Commander would miss a required option before it names the unknown one that is a misspelling of it.
  const required = command.options.filter(({ mandatory }) => mandatory)
  for (const option of required) option.mandatory = false
  command.parse(given, { from: 'user' })
  const missing = required.find(option => command.getOptionValue(option.attributeName()) === undefined)
  if (missing) command.error(`error: required option '${missing.flags}' not specified`)
  return { options: options.parse(command.opts()), names: command.args }
}
