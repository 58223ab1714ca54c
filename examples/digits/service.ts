import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const serverModule = fileURLToPath(new URL('../../src/server.ts', import.meta.url))

/** Starts a server on a free port, with a data directory of its own. */
export async function startServer(data: string): Promise<{ url: string; stop(): Promise<unknown> }> {
  const child = spawn(process.execPath, [serverModule], {
    // Whatever else is configured: this server is for whoever runs the example.
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', TUREEN_DATA: data, TUREEN_TOKENS: '', TUREEN_TOKENS_FILE: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise(resolve => child.once('exit', resolve))
  const stop = () => {
    child.kill('SIGTERM')
    return exited
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, msg } = JSON.parse(line)
    if (msg !== 'Tureen is serving') continue
    child.stdout.resume()
    return { url, stop }
  }
  throw new Error('the server did not start')
}

/** A request that must succeed. @throws Error with the server's answer if it does not */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init)
  if (response.ok) return response
  throw new Error(`${init.method ?? 'GET'} ${url} was answered ${response.status}: ${await response.text()}`)
}

export function postJson(url: string, body: object): Promise<Response> {
  return request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

/** The server-sent events of a job, until it has ended. */
export async function* jobEvents(server: string, id: string): AsyncGenerator<{ event: string; data: unknown }> {
  const { body } = await request(`${server}/v1/jobs/${id}/events`)
  let text = ''
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const event = field('event')
      if (event !== undefined) yield { event, data: JSON.parse(field('data') ?? 'null') }
    }
  }
}
