import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { type StartedProxy, startProxyProgram } from './proxy-program.ts'

type Package = {
  /** The configuration of the package. */
  file: string
  command: string
  /** Returns the configuration with a proxy in it. Changed are only places: ports, paths of logs and of the process id. */
  configure(packaged: string, directory: string, port: number, upstream: URL): string
  start(configuration: string): string[]
}

const packages = {
  nginx: {
    file: '/etc/nginx/nginx.conf',
    command: 'nginx',
    configure: (packaged, directory, port, upstream) =>
      packaged
        .replace(/^pid .*;$/m, `pid ${directory}/pid; daemon off;`)
        .replace(/^error_log .*;$/m, '')
        .replace(/^\s*access_log .*;$/m, 'access_log off;')
        .replace(
          /^\s*include \/etc\/nginx\/sites-enabled\/\*;$/m,
          `server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream.origin}; } }`,
        ),
    start: configuration => ['-e', 'stderr', '-c', configuration],
  },
  haproxy: {
    file: '/etc/haproxy/haproxy.cfg',
    command: 'haproxy',
    configure: (packaged, directory, port, upstream) => {
      const global = packaged
        .replaceAll(/^\s*log\s+\/dev\/log.*$/gm, '')
        .replace(/^\s*stats socket .*$/m, `stats socket ${directory}/admin.sock`)
      return `${global}\nfrontend in\n  bind 127.0.0.1:${port}\n  default_backend tureen\nbackend tureen\n  server one ${upstream.host}\n`
    },
    start: configuration => ['-db', '-f', configuration],
  },
} satisfies Record<string, Package>

export type ProxyName = keyof typeof packages

export const proxyNames: readonly ProxyName[] = ['nginx', 'haproxy']

/** Returns the reason why a proxy cannot be started here; undefined if it can. Debian's settings need root. */
export function whyNot(name: ProxyName): string | undefined {
  if (spawnSync(packages[name].command, ['-v']).error) return `${name} is not installed`
  return process.getuid?.() === 0 ? undefined : `${name} starts with the settings of its package as root only`
}

/** Starts a proxy with the settings of its package. */
export function startPackaged(name: ProxyName, workspace: string, upstream: string): Promise<StartedProxy> {
  const { file, command, configure, start }: Package = packages[name]
  return startProxyProgram({ command, words: start }, workspace, async (directory, port) =>
    configure(await readFile(file, 'utf8'), directory, port, new URL(upstream)),
  )
}
