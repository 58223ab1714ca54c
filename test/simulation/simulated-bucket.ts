import { createHash } from 'node:crypto'
import { TureenError } from '../../src/errors.ts'
import type { Removal, RemoveUnneeded } from '../../src/storage/content/content-claims.ts'
import type { ContentFiles } from '../../src/storage/content/content-files.ts'
import { ContentGone, type ContentStore } from '../../src/storage/content/content-store.ts'
import { createLateRemovals } from '../../src/storage/content/s3/late-removals.ts'
import type { Random } from '../support/random.ts'
import type { Actor, VirtualTime } from './virtual-time.ts'

/**
 * Faults of the way to the bucket. `loss`: how often a request or its answer is lost; `repeats`: how often a put arrives twice, late. A lost
 * removal may arrive late, too: of a server that has the store alone, only while that server lives.
 */
export type BucketFaults = { latency(): number; loss(): number; repeats(): number }

/**
 * What differs in a shared store. `removeUnneeded`: runs removals that respect the other servers; undefined if a server has the store alone.
 * `graceMilliseconds`: how long content without a record stays.
 */
export type ContentSharing = { removeUnneeded: RemoveUnneeded | undefined; graceMilliseconds: number }

/** The bucket that all processes of a store share. */
export type SimulatedBucket = {
  has(sha256: string): boolean
  digests(): string[]
  /** Keeps the bucket out of reach for so many milliseconds. */
  interrupt(milliseconds: number): void
  /** Returns the content as a process sees it, with its unfinished files and local copies. */
  connect(actor: Actor, sharing: ContentSharing): { content: ContentStore; contentFiles: ContentFiles }
}

type Parts = {
  time: VirtualTime
  random: Random
  faults: BucketFaults
  onRemoved(sha256: string): void
}

/** Milliseconds after which the bucket refuses a removal. A server that was sure of itself before is dead for others only later. */
const removalMilliseconds = 8_000

/** Returns the digest of a text. */
export function digestOfText(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** Yields the bytes of a text. */
export async function* streamOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

/** Returns an empty bucket. @param onRemoved hears of each removed object */
export function simulatedBucket({ time, random, faults, onRemoved }: Parts): SimulatedBucket {
  const objects = new Map<string, { text: string; unusedSince: number | undefined }>()
  let unreachableUntil = 0
  const unavailable = () =>
    new TureenError('TUREEN_CONTENT_UNAVAILABLE', 'The bucket does not answer.', [
      { field: 'TUREEN_CONTENT', message: 'the bucket does not answer' },
    ])

  /** Asks the bucket. A lost answer may mean that the bucket has done it. */
  const ask = <Result>(actor: Actor, effect: () => Result): Promise<Result> =>
    new Promise((resolve, reject) => {
      const answer = (settle: () => void) => time.after(faults.latency(), actor, settle)
      time.after(faults.latency(), undefined, () => {
        if (time.now() < unreachableUntil || random.next() < faults.loss()) return answer(() => reject(unavailable()))
        const result = effect()
        if (random.next() < faults.loss()) return answer(() => reject(unavailable()))
        return answer(() => resolve(result))
      })
    })

  return {
    has: sha256 => objects.has(sha256),
    digests: () => [...objects.keys()],
    interrupt(milliseconds) {
      unreachableUntil = time.now() + milliseconds
    },
    connect(actor, { removeUnneeded, graceMilliseconds }) {
      const files = new Map<string, string>()
      const copies = new Map<string, string>()
      const late = createLateRemovals()
      let [incoming, leases] = [0, 0]
      const incomingPath = () => {
        incoming += 1
        return `incoming/${incoming}`
      }
      const put = (sha256: string, text: string) => {
        const store = () => void objects.set(sha256, { text, unusedSince: undefined })
        if (random.next() < faults.repeats()) time.after(20 * faults.latency(), undefined, store)
        return ask(actor, store)
      }
      const find = (sha256: string) => ask(actor, () => objects.has(sha256))
      const remove = async (sha256: string, { isAllowed, mayArriveLate }: Removal) => {
        if (!isAllowed()) return false
        const expires = time.now() + removalMilliseconds
        const removeNow = () => {
          if (time.now() >= expires || !objects.delete(sha256)) return false
          onRemoved(sha256)
          return true
        }
        try {
          return await ask(actor, removeNow)
        } catch (error) {
          // A server alone forgets at its end which removals may arrive late: see decision 18.
          const sender = removeUnneeded ? undefined : actor
          if (random.next() < 0.5) time.after(random.next() * removalMilliseconds, sender, removeNow)
          mayArriveLate(removalMilliseconds)
          throw error
        }
      }
      const removeFound = async (sha256: string, removal: Removal) => (await find(sha256)) && remove(sha256, removal)
      const copyOf = async (sha256: string) => {
        const copy = copies.get(sha256) ?? (await ask(actor, () => objects.get(sha256)?.text))
        if (copy === undefined) throw new ContentGone(sha256)
        copies.set(sha256, copy)
        return copy
      }
      const retire = async (sha256: string, removal: Removal) => {
        const isOver = await ask(actor, () => {
          const object = objects.get(sha256)
          if (!object) return false
          object.unusedSince ??= time.now()
          return object.unusedSince <= time.now() - graceMilliseconds
        })
        return isOver && (await remove(sha256, removal))
      }
      const content: ContentStore = {
        path: sha256 => `cache/${sha256}`,
        digestAt: path => path.slice('cache/'.length),
        async put(received) {
          for (const { path, sha256 } of received) {
            const text = files.get(path)
            if (text === undefined) throw new Error(`there is no unfinished file ${path}`)
            await late.wait(sha256)
            await put(sha256, text)
            copies.set(sha256, text)
          }
          for (const { path } of received) files.delete(path)
        },
        async lease(sha256) {
          await copyOf(sha256)
          leases += 1
          let isHeld = true
          return {
            path: `cache/${sha256}`,
            release() {
              if (isHeld) leases -= 1
              isHeld = false
            },
          }
        },
        damage: async () => null,
        verify: async () => undefined,
        async *read(sha256, { start, length }) {
          yield Buffer.from((await copyOf(sha256)).slice(start, start + length))
        },
        link: async () => null,
        async *list() {
          for (const sha256 of await ask(actor, () => [...objects.keys()])) yield sha256
        },
        async remove(sha256) {
          const removed = removeUnneeded
            ? removeUnneeded(sha256, removal => removeFound(sha256, removal).catch(() => false))
            : remove(sha256, late.begin(sha256))
          await removed.catch(() => false)
          copies.delete(sha256)
        },
        async retire(sha256) {
          const retiring = (removal: Removal) => retire(sha256, removal).catch(() => false)
          const retired = removeUnneeded ? removeUnneeded(sha256, retiring) : retiring(late.begin(sha256))
          const isRemoved = (await retired) ?? false
          if (isRemoved) copies.delete(sha256)
          return isRemoved
        },
        abandonUnfinished: async () => undefined,
        leases: () => leases,
      }
      const withOutput = async <Result>(_: number, use: (output: string) => Promise<Result>) => {
        const output = incomingPath()
        try {
          return await use(output)
        } finally {
          files.delete(output)
        }
      }
      const contentFiles: ContentFiles = {
        incomingPath,
        learnRoom: async () => undefined,
        reserveRoom: () => ({ spend: () => undefined, release: () => undefined }),
        openQueue() {
          throw new Error('the simulation has no flush queues')
        },
        async receive(stream) {
          const path = incomingPath()
          const pieces: Uint8Array[] = []
          for await (const piece of stream) pieces.push(piece)
          const text = Buffer.concat(pieces).toString()
          files.set(path, text)
          return { path, sha256: digestOfText(text), bytes: text.length }
        },
        async discard(path) {
          files.delete(path)
        },
        makeOutput: (_, make) => make(incomingPath()),
        withOutput,
        givingWay: (_, run) => run(),
        removeLeftovers: async () => [],
      }
      return { content, contentFiles }
    },
  }
}
