import { expect, test } from 'vitest'
import { spawnServer } from './support/server.ts'
import { serverGroup } from './support/server-group.ts'
import { startCommand } from './support/typed-command.ts'
import { startWatched } from './support/watched-server.ts'

test.each<[string, () => unknown]>([
  ['a server', () => spawnServer('/nowhere')],
  ['a server that is refused', () => serverGroup().launch('/nowhere')],
  ['a server that is watched', () => startWatched()],
  ['a command', () => startCommand(['--version'], { cwd: '/' })],
])('a test outside of its tier that starts %s in a process of its own fails', async (_, start) => {
  await expect((async () => start())()).rejects.toThrow('Add its file to `processes` in vitest.config.ts')
})
