import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Prints the usage of a command and ends the process, if `--help` or `-h` is among the arguments. */
export function showHelp(usage: string, given: readonly string[] = process.argv.slice(2)): void {
  if (!given.some(argument => argument === '--help' || argument === '-h')) return
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}

/**
 * Reads the arguments of a command. `--help` prints the usage. A wrong argument ends the process with one line that says what is wrong,
 * the usage, and exit code 2.
 */
export type CommandLine = {
  parse<const Config extends ParseArgsConfig>(config: Config): ReturnType<typeof parseArgs<Config>>
  /** Returns the whole number that an option gives; `otherwise` if the option is absent. */
  wholeNumber(option: string, text: string | undefined, least: number, otherwise: number): number
  /** Prints the message and the usage, and ends the process with exit code 2. */
  refuse(message: string): never
}

/** Returns the reader of a command's arguments. @param usage the lines that `--help` prints @param given the arguments; by default the process's */
export function commandLine(usage: string, given: readonly string[] = process.argv.slice(2)): CommandLine {
  const refuse = (message: string): never => {
    process.stderr.write(`${message.replace(/\.?$/, '.')}\n${usage}\n`)
    process.exit(2)
  }
  return {
    refuse,
    parse(config) {
      showHelp(usage, given)
      try {
        const complete: typeof config = { ...config, args: [...given] }
        return parseArgs(complete)
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
