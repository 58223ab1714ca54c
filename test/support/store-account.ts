import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { evaluatorsOf, linkOf } from './attacked-server.ts'
import { json } from './http-client.ts'
import { converse } from './raw-http.ts'
import { filesIn } from './server-group.ts'

/** A store limit for tests that read the account: above what tests keep, below what {@link expectNothingLeft} requests. */
export const accountLimit = 2 ** 30

/**
 * How many bytes a server with TUREEN_MAX_STORE_BYTES={@link accountLimit} or less counts as held: content and unfinished files.
 * @param headerLines headers that the server asks for, each with its line end
 */
export async function heldBytes(url: string, headerLines = ''): Promise<number> {
  const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\n${headerLines}expect: 100-continue\r\ncontent-length: ${2 * accountLimit}\r\n\r\n`
  const { text } = await converse(url, head)
  const held = /the store holds ([\d,]+) of/.exec(text)?.[1]
  if (held === undefined) throw new Error(`the server did not say what it holds: ${text}`)
  return Number(held.replaceAll(',', ''))
}

/** Returns the digests of the files that records refer to. */
async function referencedFiles(url: string): Promise<Set<string>> {
  const digests = new Set<string>()
  for (const kind of ['models', 'datasets'])
    for (let cursor: string | null = ''; cursor !== null; ) {
      const response = await fetch(`${url}/v1/${kind}?limit=100${cursor && `&cursor=${cursor}`}`)
      const page: { items: { files: { sha256: string }[] }[]; nextCursor: string | null } = await json(response)
      for (const { files } of page.items) for (const { sha256 } of files) digests.add(sha256)
      cursor = page.nextCursor
    }
  return digests
}

/** Returns the descriptors of a process; none if it was an evaluator that has ended. */
function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Returns the targets of a process's descriptors that are open on files of a store, deleted ones included. */
function openFiles(pid: number, data: string): string[] {
  const places = [join(data, 'incoming'), join(data, 'content'), join(data, 'quarantine')]
  return descriptorsOf(pid)
    .map(name => linkOf(`/proc/${pid}/fd/${name}`))
    .filter(target => places.some(place => target.startsWith(`${place}/`)))
}

/**
 * Waits until nothing unfinished is left, and fails if something stays:
 *
 * - an unfinished file
 * - content without a record
 * - bytes in the store's account other than those of content
 * - an evaluator other than those that are kept warm
 * - a descriptor on a file of the store
 */
export async function expectNothingLeft({ url, data }: { url: string; data: string }): Promise<void> {
  const left = async () => {
    const { incoming, content } = await filesIn(data)
    const referenced = await referencedFiles(url)
    const sizes = await Promise.all(
      content.map(async name => {
        const hex = name.replace('sha256:', '')
        return (await stat(join(data, 'content', hex.slice(0, 2), hex))).size
      }),
    )
    const evaluators = evaluatorsOf(process.pid).filter(pid =>
      linkOf(`/proc/${pid}/cwd`).startsWith(join(data, 'evaluator')),
    )
    return {
      files: incoming,
      content: content.filter(sha256 => !referenced.has(sha256)),
      bytes: (await heldBytes(url)) - sizes.reduce((sum, size) => sum + size, 0),
      evaluators: Math.max(0, evaluators.length - availableParallelism()),
      descriptors: [process.pid, ...evaluators].flatMap(pid => openFiles(pid, data)),
    }
  }
  const nothing = { files: [], content: [], bytes: 0, evaluators: 0, descriptors: [] }
  let found = await left()
  for (let tries = 0; !isDeepStrictEqual(found, nothing) && tries < 500; tries += 1) {
    await delay(40)
    found = await left()
  }
  expect(found).toEqual(nothing)
}
