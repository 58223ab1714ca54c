import { setImmediate } from 'node:timers/promises'
import { TureenError } from '../errors.ts'
import { jsonPieces } from '../json-pieces.ts'
import type { Catalog } from '../storage/database.ts'

/** Most characters of a result in one part. A result with more has several, and is never read as a whole. */
const maximumPartCharacters = 1_000_000

/** The JSON text of a result that a worker thread has serialized, in pieces. The event loop never holds the result as an object. */
export class ResultText {
  /** Each piece becomes at most one part. */
  readonly pieces: Iterable<string>

  constructor(pieces: Iterable<string>) {
    this.pieces = pieces
  }
}

/** Writes the result of a job. Both threads can do other work between two parts. @returns the number of parts */
export async function writeResult(catalog: Catalog, jobId: string, result: object): Promise<number> {
  const first: string[] = []
  let characters = 0
  let parts = 0
  const write = async (text: string) => {
    await catalog.insertInto('job_result_parts').values({ job_id: jobId, part: parts, text }).execute()
    parts += 1
  }
  for (const piece of result instanceof ResultText ? result.pieces : jsonPieces(result)) {
    await setImmediate()
    characters += piece.length
    if (characters <= maximumPartCharacters) {
      first.push(piece)
      continue
    }
    for (const text of first.splice(0)) await write(text)
    await write(piece)
  }
  if (parts === 0) await write(first.join(''))
  return parts
}

/** Yields the JSON text of a result, part by part. @throws TureenError `TUREEN_RECORD_UNREADABLE` if a part is missing */
export async function* resultText(catalog: Catalog, jobId: string, parts: number): AsyncGenerator<string> {
  for (let part = 0; part < parts; part += 1) {
    const row = await catalog
      .selectFrom('job_result_parts')
      .select('text')
      .where('job_id', '=', jobId)
      .where('part', '=', part)
      .executeTakeFirst()
    if (!row) {
      const message = `part ${part + 1} of ${parts} of its result is missing`
      throw new TureenError(
        'TUREEN_RECORD_UNREADABLE',
        `The result of the job ${jobId} cannot be read: ${message}. Delete the job and start it again.`,
        [{ job: jobId, expected: `${parts} parts`, message }],
      )
    }
    yield row.text
  }
}
