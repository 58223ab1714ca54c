import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { shortened } from '../shortened.ts'

/** Most bytes of a stream that are kept. */
const keptBytes = 2_000
/** Most characters of a line. */
const mostCharacters = 300
/** Milliseconds between two reads: a flood takes little of the event loop, and waits in the pipe. */
const pauseMilliseconds = 1

/**
 * Reads a stream to its end and keeps its last bytes.
 * @returns its last line when the stream has ended, without control characters: a model may have written it
 */
export async function lastLineOf(stream: Readable): Promise<string> {
  let kept = Buffer.alloc(0)
  try {
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) continue
      kept = Buffer.concat([kept, chunk.subarray(-keptBytes)]).subarray(-keptBytes)
      await delay(pauseMilliseconds)
    }
  } catch {
    // A pipe that breaks ends like one that ends.
  }
  const line = kept.toString('utf8').trim().split('\n').at(-1) ?? ''
  return shortened(line.replaceAll(/[\p{C}\p{Z}]+/gu, ' ').trim(), mostCharacters)
}
