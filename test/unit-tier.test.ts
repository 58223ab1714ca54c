import { execFile, execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { expect, test } from 'vitest'

test.each([
  ['a server', () => createServer().listen(0)],
  ['a process', () => spawn('true')],
  ['a process', () => fork('nothing.js')],
  ['a process', () => execFile('true')],
  ['a process', () => spawnSync('true')],
  ['a process', () => execFileSync('true')],
])('a unit test that starts %s fails', (what, start) => {
  expect(start).toThrow(`A unit test started ${what}. Unit tests start none`)
})
