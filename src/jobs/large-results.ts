import { setImmediate } from 'node:timers/promises'
import { TureenError } from '../errors.ts'
import { jsonPieces } from '../json-pieces.ts'
import type { Catalog, Tables } from '../storage/database.ts'

/** Most characters of a result in one piece. A result with more is stored in parts, and never read as a whole. */
const maximumInlineCharacters = 1_000_000

/** The columns of a job's result: its JSON text, or the number of its parts. */
export type ResultColumns = Pick<Tables['jobs'], 'result' | 'result_parts'>

/** The JSON text of a result that a worker thread has serialized, in pieces. The event loop never holds the result as an object. */
export class ResultText {
  /** Each piece becomes at most one part. */
  readonly pieces: Iterable<string>

  constructor(pieces: Iterable<string>) {
    this.pieces = pieces
  }
}

/** Writes a large result in parts. Both threads can do other work between two parts. @returns the columns of the job's row */
export async function writeResult(catalog: Catalog, jobId: string, result: object): Promise<ResultColumns> {
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
    if (characters <= maximumInlineCharacters) {
      first.push(piece)
      continue
    }
    for (const text of first.splice(0)) await write(text)
    await write(piece)
  }
  return parts === 0 ? { result: first.join(''), result_parts: null } : { result: null, result_parts: parts }
}

/** Yields the JSON text of a large result, part by part. @throws TureenError `TUREEN_RECORD_UNREADABLE` if a part is missing */
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
