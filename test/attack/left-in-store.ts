import { setTimeout as delay } from 'node:timers/promises'
import { filesIn } from '../support/server-group.ts'
import { heldBytes } from '../support/store-account.ts'
import type { Target } from './target.ts'

/** Files that an empty store should not have, and bytes that it should not count. */
type LeftOver = { incoming: number; content: number; bytes: number }

const settleMilliseconds = 20_000

/** What a store holds whose records were all deleted, once it holds nothing, or after {@link settleMilliseconds}. */
export async function leftInStore({ url, data, headerLines }: Target): Promise<LeftOver> {
  const deadline = performance.now() + settleMilliseconds
  for (;;) {
    const { incoming, content } = await filesIn(data)
    const bytes = await heldBytes(url, headerLines())
    const isEmpty = incoming.length + content.length + bytes === 0
    if (isEmpty || performance.now() > deadline) return { incoming: incoming.length, content: content.length, bytes }
    await delay(40)
  }
}
