import { spawnSync } from 'node:child_process'
import { type StartedProxy, startProxyProgram } from './proxy-program.ts'
import { projectFile } from './server.ts'

/** The settings of the proxy in `deploy/compose.yaml`. */
export const haproxyFile = 'deploy/compose/haproxy.cfg'

/** True if there is no HAProxy here. */
export const isHaproxyMissing = spawnSync('haproxy', ['-v']).error !== undefined

/**
 * Starts HAProxy with the settings of `deploy/compose.yaml` in front of servers. Changed are only places, and the time between two checks:
 * Docker's resolver is not here.
 * @param upstreams the URLs of the servers
 */
export function startHaproxy(workspace: string, upstreams: readonly string[]): Promise<StartedProxy> {
  const servers = upstreams.map((url, at) => `  server api${at} ${new URL(url).host} check inter 100 fall 2 rise 1`)
  const program = { command: 'haproxy', words: (configuration: string) => ['-db', '-f', configuration] }
  return startProxyProgram(program, workspace, async (_, port) =>
    String(await projectFile(haproxyFile))
      .replace(/^ {2}bind .*$/m, `  bind 127.0.0.1:${port}`)
      .replace(/^ {2}log stdout .*$/m, '')
      .replace(/^resolvers [\s\S]*?\n\n/m, '')
      .replace(/^ {2}default-server .*\n {2}server-template .*$/m, servers.join('\n')),
  )
}
