import { readFile } from 'node:fs/promises'
import { Argument, Command } from 'commander'
import { endUsage, writeMistake } from '../src/usage-mistakes.ts'

/** `tureen completion`: writes what makes a shell complete commands, options and files. */
export async function completionCommand(given: readonly string[]): Promise<void> {
  new Command('tureen completion')
    .description('Write what makes a shell complete commands, options and files: source <(tureen completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash']))
    .helpOption('-h, --help', 'print this text')
    .configureOutput({ outputError: writeMistake })
    .exitOverride(endUsage)
    .parse(given, { from: 'user' })
  process.stdout.write(await readFile(new URL('completion.bash', import.meta.url), 'utf8'))
}
