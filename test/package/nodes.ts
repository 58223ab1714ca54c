import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../support/server.ts'

/** A Node that may be a machine's own. `execute`: path of its program. */
export type MachineNode = { name: string; execute: string }

/** Returns the path of a Node among the packages of these tests. @param major its version, such as 20 */
const installed = (major: number) =>
  join(projectRoot, `test/package/node_modules/node-${major}-${process.arch}/bin/node`)

/** The Nodes with which the package is installed and started, the oldest first. The last one runs the tests. */
export const machineNodes: readonly [MachineNode, ...MachineNode[]] = [
  { name: 'Node 20', execute: installed(20) },
  { name: 'Node 22', execute: installed(22) },
  { name: 'Node 24', execute: installed(24) },
  { name: 'Node 26', execute: process.execPath },
]

/** Variables of npm, of the test runner and of this project, which a user's shell does not have. */
const ofTests =
  /^(npm_|TUREEN_|VITEST|ORT_|MALLOC_|PORT$|HOST$|INIT_CWD$|NODE$|NODE_OPTIONS$|NODE_COMPILE_CACHE$|NODE_ENV$)/

/** Returns the environment of a user whose machine has this Node. @param home the user's directory */
export function userEnvironment(node: MachineNode, home: string): Record<string, string> {
  const { npm_config_cache: cache, HOME: ownHome = home } = process.env
  const own = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || ofTests.test(name) ? [] : [[name, value]],
  )
  return {
    ...Object.fromEntries(own),
    PATH: `${dirname(node.execute)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    // npm reaches the registry as on this machine, and keeps what it has downloaded, so that tests download little.
    npm_config_cache: cache ?? join(ownHome, '.npm'),
    npm_config_userconfig: join(ownHome, '.npmrc'),
    npm_config_prefer_offline: 'true',
  }
}

/** Runs a program to its end. @returns its exit code and what it wrote */
export async function ended(
  program: string,
  parameters: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await promisify(execFile)(program, parameters, { ...options, maxBuffer: 2 ** 26 })) }
  } catch (error) {
    const { code, stdout, stderr } = Object(error)
    if (typeof code !== 'number') throw error
    return { code, stdout, stderr }
  }
}
