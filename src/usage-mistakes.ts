import type { CommanderError } from 'commander'

/** Writes what is wrong with the arguments as one line. @param text as commander has it, such as "error: unknown option '--prot'" */
export function writeMistake(text: string, write: (text: string) => void): void {
  write(text.replace(/^error: /, 'tureen: ').replace('\n(', ' ('))
}

/** Ends the process after help and the version with 0, and after wrong arguments with exit code 2. */
export function endUsage({ exitCode }: CommanderError): never {
  process.exit(exitCode === 0 ? 0 : 2)
}
