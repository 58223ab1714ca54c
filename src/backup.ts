import { commandLine } from './command-line.ts'
import { typedCommand } from './command-names.ts'
import { runTool } from './run-tool.ts'
import { backUpStore } from './store-tools/back-up-store.ts'

const usage = `usage: ${typedCommand('backup', 'DIR')}
  DIR  a directory that does not exist yet. The command writes a consistent copy of the store in TUREEN_DATA (./data) there. The server may run meanwhile.`

const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Runs the command. @returns the number of findings: defects of the store */
async function main(given: readonly string[]): Promise<number> {
  const command = commandLine(usage, given)
  const { positionals } = command.parse({ allowPositionals: true, options: {} })
  const [target, ...more] = positionals
  if (target === undefined || more.length > 0) return command.refuse(`Name one directory, not ${positionals.length}`)
  const { linked, copied, bytes, findings } = await backUpStore(process.env['TUREEN_DATA'] || './data', target)
  for (const { place, message } of findings) say(`${place} ${message}.`)
  say(`${target}: ${linked} files linked, ${copied} copied, ${bytes} bytes of content, ${findings.length} findings.`)
  return findings.length
}

/** Runs the command to its end and sets the exit code. @param given the arguments after its name */
export const backUpCommand = (given: readonly string[]) => runTool('backup', () => main(given))

if (import.meta.main) await backUpCommand(process.argv.slice(2))
