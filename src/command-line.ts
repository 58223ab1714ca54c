import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Shows how a command is called and ends the process, if its arguments ask for that. */
export function showHelp(usage: string, given = process.argv.slice(2)): void {
  if (!given.some(argument => argument === '--help' || argument === '-h')) return
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}

/**
 * Reads the arguments of a command. `--help` shows the usage. Whatever is wrong with the arguments ends the process with one line, the
 * usage, and exit code 2.
 */
export type CommandLine = {
  parse<const Config extends ParseArgsConfig>(config: Config): ReturnType<typeof parseArgs<Config>>
  /** The whole number that an option gives, `otherwise` if it is not given. */
  wholeNumber(option: string, text: string | undefined, least: number, otherwise: number): number
  /** Says in one line what was wrong, and ends the process. */
  refuse(message: string): never
}

/** @param usage the lines that show how the command is called */
export function commandLine(usage: string): CommandLine {
  const refuse = (message: string): never => {
    process.stderr.write(`${message.replace(/\.?$/, '.')}\n${usage}\n`)
    process.exit(2)
  }
  return {
    refuse,
    parse(config) {
      showHelp(usage)
      try {
        return parseArgs(config)
      } catch (error) {
        if (!(error instanceof Error)) throw error
        const [sentence = ''] = error.message.split(/\. |\n/)
        return refuse(sentence)
      }
    },
    wholeNumber(option, text, least, otherwise) {
      if (text === undefined) return otherwise
      const number = Number(text)
      if (text.trim() === '' || !Number.isSafeInteger(number) || number < least)
        return refuse(`--${option} ${text}: must be a whole number from ${least} on`)
      return number
    },
  }
}
