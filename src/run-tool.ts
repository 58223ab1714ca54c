import { type CommandName, messagePrefix } from './command-names.ts'

/**
 * Runs a tool and sets the exit code: 0 without findings, 1 with findings or after an error. An error is told in one line.
 *
 * @param tool returns the number of findings
 */
export async function runTool(name: CommandName, tool: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = (await tool()) > 0 ? 1 : 0
  } catch (error) {
    process.stderr.write(`${messagePrefix(name)}: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
