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
