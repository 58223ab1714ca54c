import { chmod, cp, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostileScript } from './hostile-script.ts'
import { evaluating, projectRoot, type SpawnedServer, spawnServer, temporaryDirectory } from './server.ts'

/** Directories with sources. They are copied: a link would lead Node to the evaluator of this project. */
const sources = ['src', 'routes', 'schemas']

/** A server whose evaluators are hostile. It starts and isolates them as ever. */
export type HostileServer = SpawnedServer & { stop(): Promise<void> }

/**
 * Starts a server from a copy of the program, in which a script takes the place of the evaluator.
 * @param acts by their number, from 1 on, what an evaluator does that gets a task with that batch size
 */
export async function startHostile(acts: readonly string[]): Promise<HostileServer> {
  const directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
  const root = join(directory.path, 'program')
  for (const name of sources) await cp(join(projectRoot, name), join(root, name), { recursive: true })
  const others = (await readdir(projectRoot)).filter(name => !sources.includes(name) && !name.startsWith('.'))
  for (const name of others) await symlink(join(projectRoot, name), join(root, name))
  const cases = acts.map((code, index) => `case ${index + 1}: { ${code}; break }`)
  const script = `const { readTask } = await import('./pipes.ts')
    frame('ready')
    for (let message = readTask(); message; message = readTask()) {
      frame('taken')
      switch ((message.task.binding ?? message.task.terms[0].binding).batchSize) { ${cases.join('\n')} }
    }`
  await writeFile(join(root, 'src/evaluate/child/main.ts'), hostileScript(script, root))
  const variables = { ...evaluating, NODE_COMPILE_CACHE: join(root, 'compiled') }
  const server = await spawnServer(join(directory.path, 'data'), variables, root)
  return {
    ...server,
    async stop() {
      server.process.kill('SIGTERM')
      await server.exited
      await directory.remove()
    },
  }
}
