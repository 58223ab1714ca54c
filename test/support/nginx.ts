import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { listenOn } from './listening.ts'

export type Nginx = { url: string; version: string; close(): Promise<void> }

/** Starts an nginx that stores and serves files of one directory, as its documentation says; null if there is none with DAV. */
export async function startNginx(workspace: string, signal: AbortSignal): Promise<Nginx | null> {
  const described = await describeNginx()
  if (!described?.includes('http_dav_module')) return null
  return start(workspace, signal, described, 'dav_methods PUT DELETE;')
}

/** Starts an nginx in front of a server, with its default buffers and these directives; null if there is none. */
export async function startProxy(
  workspace: string,
  signal: AbortSignal,
  upstream: string,
  directives = '',
): Promise<Nginx | null> {
  const described = await describeNginx()
  return described === null ? null : start(workspace, signal, described, `proxy_pass ${upstream}; ${directives}`)
}

/** Returns version and modules of the installed nginx; null if there is none. */
async function describeNginx(): Promise<string | null> {
  const described = await promisify(execFile)('nginx', ['-V']).catch(() => null)
  return described?.stderr ?? null
}

async function start(workspace: string, signal: AbortSignal, described: string, location: string): Promise<Nginx> {
  const version = /nginx\/(\S+)/.exec(described)?.[1] ?? 'of no known version'
  const directory = await mkdtemp(join(workspace, 'nginx-'))
  await mkdir(join(directory, 'files'))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    each => `${each}_temp_path ${directory}/${each};`,
  )
  const configuration = join(directory, 'nginx.conf')
  await writeFile(
    configuration,
    `daemon off; worker_processes 2; pid ${directory}/pid; error_log ${directory}/error.log; user root;
     events {}
     http { access_log off; sendfile on; client_max_body_size 0; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; root ${directory}/files; location / { ${location} } } }`,
  )
  const child = spawn('nginx', ['-e', `${directory}/error.log`, '-c', configuration], { stdio: 'ignore' })
  signal.addEventListener('abort', () => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  await untilItAnswers(url, child)
  return {
    url,
    version,
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** Waits until a new proxy answers, whatever it answers. Ends it and throws if it does not. */
export async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; ) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return
    if (child.exitCode !== null) break
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  child.kill('SIGKILL')
  throw new Error(`${child.spawnfile} did not start`)
}

/** Returns a port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOn(server)
  await once(server.close(), 'close')
  return port
}
