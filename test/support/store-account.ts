import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { converse } from './raw-http.ts'
import { filesIn } from './server-group.ts'

/** A limit for a store whose account is read: more than tests keep, less than {@link expectNothingLeft} asks for. */
export const accountLimit = 2 ** 30

/** How many bytes a server with TUREEN_MAX_STORE_BYTES={@link accountLimit} counts as held: content and unfinished files. */
async function heldBytes(url: string): Promise<number> {
  const head = `POST /v1/models HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: ${2 * accountLimit}\r\n\r\n`
  const { text } = await converse(url, head)
  const held = /the store holds ([\d,]+) of/.exec(text)?.[1]
  if (held === undefined) throw new Error(`the server did not say what it holds: ${text}`)
  return Number(held.replaceAll(',', ''))
}

/** Waits until nothing unfinished is on disk or in the store's account, and fails if that does not come about. */
export async function expectNothingLeft({ url, data }: { url: string; data: string }): Promise<void> {
  const left = async () => {
    const { incoming, content } = await filesIn(data)
    const sizes = await Promise.all(
      content.map(async name => {
        const hex = name.replace('sha256:', '')
        return (await stat(join(data, 'content', hex.slice(0, 2), hex))).size
      }),
    )
    return { files: incoming, bytes: (await heldBytes(url)) - sizes.reduce((sum, size) => sum + size, 0) }
  }
  let found = await left()
  for (let tries = 0; (found.files.length > 0 || found.bytes !== 0) && tries < 500; tries += 1) {
    await delay(40)
    found = await left()
  }
  expect(found).toEqual({ files: [], bytes: 0 })
}
