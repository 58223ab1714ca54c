import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectFile, projectRoot } from './support/server.ts'

/** Folders whose comments keep to the rules. */
const folders = [
  'cli',
  'client',
  'clients/generator',
  'docs/generator',
  'kernel',
  'operators',
  'package',
  'page',
  'release',
  'routes',
  'schemas',
  'src',
  'test/support',
]

/** Words of the longest sentence; writers aim at 25. */
const longestSentence = 30

/** Code and remarks in brackets, which do not count as words of a sentence. */
const aside = /`[^`]*`|\{@link [^}]*\}|\([^()]*\)|https?:\S+/g

const sentenceEnd = /(?<=[.!?])\s+|\n(?=- |\d+\. |\|)|\n\s*\n|\s(?=@(?:param|returns|throws)\b)/

type Comment = { place: string; text: string; isDocstring: boolean }

/** Returns the docstrings of a source file, and its runs of lines that begin with `//`. */
function commentsOf(path: string, source: string): Comment[] {
  return [...source.matchAll(/^[ \t]*\/\*\*?([\s\S]*?)\*\/|(?:^[ \t]*\/\/.*\n)+/gm)].map(found => {
    const [all, docstring] = found
    const line = source.slice(0, found.index).split('\n').length
    const text = (docstring ?? all).replaceAll(/^[ \t]*(?:\*|\/\/) ?/gm, '').trim()
    return { place: `${path}:${line}`, text, isDocstring: docstring !== undefined }
  })
}

/** Returns what breaks a rule in a comment, each with its place. */
function faultsIn({ place, text, isDocstring }: Comment): string[] {
  const long = text
    .replaceAll(aside, 'x')
    .split(sentenceEnd)
    .map(sentence => sentence.split(/\s+/).filter(word => /\w/.test(word)))
    .filter(words => words.length > longestSentence)
    .map(words => `${place} has a sentence of ${words.length} words: ${words.slice(0, 8).join(' ')} ...`)
  const opening = isDocstring ? /^(?:As|Of|That|What|Whether|Which)\b.*/.exec(text)?.[0] : undefined
  const tag = /@(?:param \S+|returns) (?:what|whether)\b.*/.exec(text)?.[0]
  const clauses = [opening, tag].flatMap(clause => (clause === undefined ? [] : [clause]))
  return [...long, ...clauses.map(clause => `${place} has a clause as a noun: ${clause}`)]
}

describe('the comments of', () => {
  test.each(folders)('%s have short sentences, and no clause as a noun', async folder => {
    const files = (await readdir(join(projectRoot, folder), { recursive: true })).filter(name => name.endsWith('.ts'))
    const sources = await Promise.all(
      files.map(async file => [`${folder}/${file}`, String(await projectFile(`${folder}/${file}`))] as const),
    )
    expect(sources.flatMap(([path, source]) => commentsOf(path, source)).flatMap(faultsIn)).toEqual([])
  })
})

test('a long sentence, and a clause as a noun, are found with their place', () => {
  const long = Array.from({ length: longestSentence + 1 }, () => 'word').join(' ')
  const source = `const a = 1\n\n/** Whether it is. */\nconst b = 2\n/**\n * Returns it.\n * @returns whether it is\n */\n// ${long}.\n`
  expect(commentsOf('a.ts', source).flatMap(faultsIn)).toEqual([
    'a.ts:3 has a clause as a noun: Whether it is.',
    'a.ts:5 has a clause as a noun: @returns whether it is',
    expect.stringMatching(/^a\.ts:9 has a sentence of 31 words: word /),
  ])
})

test('code, brackets, lists and tags are not words of a sentence', () => {
  const words = Array.from({ length: 20 }, () => 'word').join(' ')
  const source = `/**\n * ${words} \`${words}\` (${words}):\n * - ${words}\n * - ${words}\n * @param a ${words}\n */\n`
  expect(commentsOf('a.ts', source).flatMap(faultsIn)).toEqual([])
})
