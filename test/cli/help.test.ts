import { execFileSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readPages } from '../../cli/documentation-pages.ts'
import { plainMarkdown } from '../../cli/plain-markdown.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(() => directory.remove())

const help = (...parameters: string[]) => typed(['help', ...parameters], { cwd: directory.path })

test('help lists every page for users, with its title', async () => {
  const { code, stdout } = await help()
  expect(code).toBe(0)
  for (const chapter of ['tutorials', 'guides', 'concepts', 'reference', 'operations'])
    for (const file of await readdir(join(projectRoot, 'docs', chapter)))
      expect(stdout).toMatch(new RegExp(`^${chapter}/${file.replace('.md', '')} +\\S`, 'm'))
  expect(stdout).toMatch(/^guides\/recipes +Recipes as documents$/m)
})

test('help shows a page as text, by its name or its path, and the options of a command', async () => {
  const byName = await help('recipes')
  expect(byName).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^Recipes as documents\n\n/) })
  expect(await help('guides/recipes')).toEqual(byName)
  const options = await help('pull')
  expect(options.stdout).toMatch(/^Usage: tureen pull /)
})

test.each([
  [
    'clients',
    /^tureen help: 2 pages are called clients: guides\/clients and operations\/clients\. Name one of them so\.\n$/,
  ],
  ['batch', /^tureen help: There is no page batch\. Did you mean tutorials\/batch-norms or concepts\/batch-norms\?\n$/],
  ['nonsense', /^tureen help: There is no page nonsense\. tureen help lists all\.\n$/],
])('a topic that names no single page is refused in one line: %s', async (topic, message) => {
  expect(await help(topic)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) })
})

test('on a terminal, a page goes through the pager', () => {
  const program = `
import os, pty, sys
os.environ['PAGER'] = sys.argv[1]
pty.spawn(sys.argv[2:])
`
  const shown = (pager: string) =>
    execFileSync(
      '/usr/bin/python3',
      ['-c', program, pager, process.execPath, join(projectRoot, 'src/tureen.ts'), 'help', 'recipes'],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, TERM: 'dumb', NO_COLOR: '1' },
      },
    )
  expect(shown('sed s/^/paged:/')).toMatch(/^paged:Recipes as documents/)
  expect(shown('head -n 1').trim()).toBe('Recipes as documents')
  expect(shown('no-such-pager')).toContain('Recipes as documents')
})

test('Markdown becomes text: links have topics, tables have columns, code keeps its lines', () => {
  const text = plainMarkdown(
    [
      '# A `title`',
      '',
      'See [recipes](recipes.md#x), [itself](here.md) and [the site](https://example.org) &lt;now&gt;.',
      '',
      '- one **bold**',
      '  1. nested',
      '',
      '```sh',
      'echo *not* [a](link.md)',
      '```',
      '',
      '| a | b |',
      '|---|---|',
      '| `1` | two |',
    ].join('\n'),
    { width: 80, topic: 'guides/here' },
  )
  expect(text).toBe(
    [
      'A title',
      '',
      'See recipes (guides/recipes), itself and the site (https://example.org) <now>.',
      '',
      '- one bold',
      '  1. nested',
      '',
      '    echo *not* [a](link.md)',
      '',
      'a  b',
      '1  two',
      '',
    ].join('\n'),
  )
})

test('every word of every page is in its text, in lines that fit unless a word or a line of code is longer', async () => {
  for (const { topic, text } of await readPages()) {
    const plain = plainMarkdown(text, { width: 80, topic })
    const words = (given: string) => new Set(given.match(/[A-Za-z]{4,}/g))
    const shown = words(plain)
    const prose = text.replaceAll(/\]\([^)]*\)|<!--[\s\S]*?-->|```\w+[^\n]*|<[^>]*>|&\w+;/g, ' ')
    expect(
      [...words(prose)].filter(word => !shown.has(word)),
      topic,
    ).toEqual([])
    for (const line of plain.split('\n')) if (line.length > 80) expect(line, topic).toMatch(/^ {4}|^ *(- )?\S+$/)
  }
})
