import { join } from 'node:path'
import type { Logger } from 'pino'
import type { VerificationPass } from '../../schemas/service.ts'
import type { Contents } from './contents.ts'
import { contentDigestsBetween } from './file-names.ts'
import type { HashFile, Verified } from './sound-files.ts'
import { readVerification, writeVerification } from './verification-state.ts'

/**
 * Reads all content again, slowly, because only a read finds damage of the disk. It reads files in the order of their digests. Digests are
 * spread evenly, so the share of the pass that is due gives the digest to read up to.
 */
export type Verifier = {
  start(): void
  /** Returns the running pass and the last finished one. */
  results(): { current: VerificationPass | null; last: VerificationPass | null }
  /** Stops at once, even within a file, and saves the progress. */
  close(): Promise<void>
}

export type Verification = {
  /** The data directory. */
  directory: string
  contents: Pick<Contents, 'verify' | 'holders'>
  hash: HashFile
  /** Called with each file that was read. */
  onVerified(verified: Verified): void
}

export type VerifierSettings = {
  /** Milliseconds of one pass over all content; 0: never. */
  milliseconds: number
  /** Seconds between two steps of the pass. */
  lookSeconds: number
  /** Returns milliseconds since 1970. */
  clock: () => number
}

const damagedKept = 100
const holdersKept = 10
const savedMilliseconds = 600_000
/** Number of leading digits of a digest that give its position. A number holds so many exactly. */
const placeDigits = 12
const places = 16 ** placeDigits

export async function createVerifier(
  { directory, contents, hash, onVerified }: Verification,
  { milliseconds, lookSeconds, clock }: VerifierSettings,
  log: Logger,
): Promise<Verifier> {
  const before = await readVerification(directory)
  let { position, last } = before
  let current = before.current ?? newPass(clock())
  const closing = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()
  let lookedAt = clock()
  let savedAt = clock()
  /** Share of the pass that should be done by now. */
  let due = position

  const save = async () => {
    savedAt = clock()
    // A full disk must not stop the verification.
    await writeVerification(directory, { position, current, last }).catch((error: unknown) =>
      log.warn({ err: error }, 'the state of the verification could not be saved'),
    )
  }
  const saveNowAndThen = async () => {
    if (Math.abs(clock() - savedAt) >= savedMilliseconds) await save()
  }
  const noteDamage = async (sha256: string, message: string) => {
    const records = await contents.holders(sha256, holdersKept).catch(() => [])
    current.damagedFiles += 1
    log.warn({ sha256, message, records }, 'content is damaged: upload the same file again, and check the disk')
    if (current.damaged.length === damagedKept) return
    current.damaged.push({ sha256, message, records })
    await save()
  }
  const verifyDue = async () => {
    const content = join(directory, 'content')
    for (const hex of await contentDigestsBetween(content, digitsOf(position), digitsOf(due))) {
      const sha256 = `sha256:${hex}`
      const verified = await contents.verify(sha256, hash, closing.signal)
      if (verified) {
        onVerified(verified)
        current.files += 1
        current.bytes += verified.bytes
        if (verified.damage !== null) await noteDamage(sha256, verified.damage)
      }
      position = (Number.parseInt(hex.slice(0, placeDigits), 16) + 1) / places
      await saveNowAndThen()
    }
    position = due
  }
  const look = async () => {
    const now = clock()
    due = Math.min(1, due + Math.max(0, now - lookedAt) / milliseconds)
    lookedAt = now
    await verifyDue()
    if (due < 1) return saveNowAndThen()
    last = { ...current, finishedAt: new Date(clock()).toISOString() }
    const { damaged: _, ...counts } = last
    log.info(counts, 'all content was verified')
    current = newPass(clock())
    position = 0
    due = 0
    return save()
  }
  const wait = () => {
    timer = setTimeout(() => {
      running = look()
        .catch((error: unknown) => {
          if (!closing.signal.aborted)
            log.error({ err: error }, 'content could not be verified; the server tries again later')
        })
        .finally(() => {
          if (!closing.signal.aborted) wait()
        })
    }, lookSeconds * 1000).unref()
  }

  return {
    start() {
      if (milliseconds > 0) wait()
    },
    results: () => ({ current: milliseconds > 0 ? current : null, last }),
    async close() {
      closing.abort()
      clearTimeout(timer)
      await running
      if (milliseconds > 0) await save()
    },
  }
}

function newPass(now: number): VerificationPass {
  return {
    startedAt: new Date(now).toISOString(),
    finishedAt: null,
    files: 0,
    bytes: 0,
    damagedFiles: 0,
    damaged: [],
  }
}

/** Returns the first digits of the digest at a share of all digests; for 1, a text that sorts after all digests. */
function digitsOf(part: number): string {
  if (part >= 1) return 'g'
  return Math.floor(part * places)
    .toString(16)
    .padStart(placeDigits, '0')
}
