import { TureenError } from '../errors.ts'
import { decodeText } from '../received-text.ts'
import type { UploadPart } from './form-parts.ts'

/** Yields the chunks of a recipe part. @throws TureenError `TUREEN_TOO_LARGE` above 1 MiB */
export function recipeChunks(part: UploadPart): AsyncGenerator<Uint8Array> {
  return boundedChunks(part, 1 << 20, 'Send a smaller recipe, such as one with globs')
}

/** Yields the chunks of a part that is text. @throws TureenError `TUREEN_TOO_LARGE` above the maximum, a multiple of 1 KiB */
async function* boundedChunks(
  { field, stream }: UploadPart,
  maximumBytes: number,
  advice: string,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    if (bytes > maximumBytes) {
      const limit = maximumBytes < 1 << 20 ? `${maximumBytes >> 10} KiB` : `${maximumBytes >> 20} MiB`
      const message = `has more than ${limit}`
      throw new TureenError('TUREEN_TOO_LARGE', `The part ${field} ${message}. Nothing was kept. ${advice}.`, [
        { field, expected: `${limit} at most`, message },
      ])
    }
    yield chunk
  }
}

/** Most bytes of one part with weights: 1,024 weights with all their digits. */
const weightsBytes = 32 << 10

/** Most parts with weights: one for each of 1,024 models. */
const weightsParts = 1024

/**
 * Adds the text of a part `weights` to those before it. Forms that can repeat a field send one part for each weight.
 * @throws TureenError `TUREEN_TOO_LARGE`
 */
export async function takeWeights(part: UploadPart, before: string[]): Promise<void> {
  const { field } = part
  const advice = 'Send one weight for each model'
  const chunks: Uint8Array[] = []
  for await (const chunk of boundedChunks(part, weightsBytes, advice)) chunks.push(chunk)
  before.push(decodeText(Buffer.concat(chunks)))
  if (before.length <= weightsParts && before.join().length <= weightsBytes) return
  const message = `has more than ${weightsParts.toLocaleString('en')} parts, or 32 KiB in all`
  throw new TureenError('TUREEN_TOO_LARGE', `The field ${field} ${message}. Nothing was kept. ${advice}.`, [
    { field, expected: `${weightsParts} parts at most`, message },
  ])
}
