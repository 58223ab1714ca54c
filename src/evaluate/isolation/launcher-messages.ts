/** Kinds of requests to the launcher; launcher/serve.c has the same numbers. */
export const launcherRequest = { start: 1, opened: 2, limit: 3, kill: 4 } as const

/** Kinds of events from the launcher; launcher/serve.c has the same numbers. */
export const launcherEvent = { started: 1, failed: 2, ended: 3, limited: 4 } as const

/** A request or an event. `id`: the evaluator; `words`: numbers of 32 bits, which depend on the kind. */
export type LauncherMessage = { kind: number; id: number; words: readonly number[]; text: string }

const wordCount = 4
const headerBytes = (3 + wordCount) * 4

/** Returns the bytes of a message: its length behind the first 4 bytes, its kind, its evaluator, 4 words and the text. */
export function encodeLauncherMessage({ kind, id, words, text }: LauncherMessage): Buffer {
  const textBytes = Buffer.from(text)
  const bytes = Buffer.alloc(headerBytes + textBytes.byteLength)
  const head = [bytes.byteLength - 4, kind, id, ...words.slice(0, wordCount)]
  for (const [index, value] of head.entries()) bytes.writeUInt32LE(value, index * 4)
  textBytes.copy(bytes, headerBytes)
  return bytes
}

/** Returns a function that takes bytes as they arrive, and returns the messages that they complete. */
export function launcherMessageReader(): (chunk: Buffer) => LauncherMessage[] {
  let held: Buffer = Buffer.alloc(0)
  return chunk => {
    held = Buffer.concat([held, chunk])
    const messages: LauncherMessage[] = []
    while (held.byteLength >= headerBytes && held.byteLength >= 4 + held.readUInt32LE(0)) {
      const end = 4 + held.readUInt32LE(0)
      const word = (index: number) => held.readUInt32LE(index * 4)
      messages.push({
        kind: word(1),
        id: word(2),
        words: Array.from({ length: wordCount }, (_, index) => word(3 + index)),
        text: held.toString('utf8', headerBytes, end),
      })
      held = held.subarray(end)
    }
    return messages
  }
}
