import { isAbsolute, join, sep } from 'node:path'
import { expect, test } from 'vitest'
import { evaluatorGrants, libraryGrants } from '../../../src/evaluate/isolation/launcher-grants.ts'
import { projectRoot } from '../../support/server.ts'

test.runIf(process.platform === 'linux')(
  'an evaluator is granted the program, and nothing that may hold secrets',
  () => {
    const { read, execute } = evaluatorGrants()
    expect(read).toEqual(
      expect.arrayContaining(['src', 'schemas', 'package.json'].map(name => join(projectRoot, name))),
    )
    expect(execute[0]).toBe(process.execPath)
    const within = (path: string, folder: string) =>
      `${path}${sep}`.startsWith(folder === sep ? sep : `${folder}${sep}`)
    const secrets = [
      projectRoot,
      join(projectRoot, 'data'),
      '/etc/passwd',
      '/etc/shadow',
      '/proc/self',
      '/home',
      '/tmp',
      '/var',
    ]
    for (const path of [...read, ...execute]) {
      expect(isAbsolute(path)).toBe(true)
      expect(secrets.filter(secret => within(secret, path))).toEqual([])
    }
  },
)

test('directories of libraries are granted where the system has installed them, and single libraries elsewhere', () => {
  const line = (path: string) => `7f8df2a00000-7f8df2b00000 r-xp 00000000 fe:00 1234                     ${path}`
  const maps = [
    '00400000-0082e000 r--p 00000000 fe:00 5 /usr/bin/node',
    '01a00000-01b00000 rw-p 00000000 00:00 0 [heap]',
    line('/usr/lib/x86_64-linux-gnu/libc.so.6'),
    line('/usr/lib/x86_64-linux-gnu/libc.so.6'),
    line('/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'),
    line('/home/user name/libjemalloc.so.2'),
    line('/srv/store/catalog.sqlite-shm'),
    line('/srv/store/lib.so (deleted)'),
  ].join('\n')
  expect(libraryGrants(maps)).toEqual({
    read: ['/usr/lib/x86_64-linux-gnu', '/home/user name/libjemalloc.so.2'],
    execute: ['/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'],
  })
  expect(libraryGrants(line('/lib/ld-musl-aarch64.so.1'))).toEqual({
    read: ['/lib'],
    execute: ['/lib/ld-musl-aarch64.so.1'],
  })
})
