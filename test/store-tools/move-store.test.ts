import { expect, test } from 'vitest'
import { writeMarker } from '../../src/storage/store-marker.ts'
import { type MoveTargets, moveStore } from '../../src/store-tools/move/move-store.ts'
import { temporaryDirectory } from '../support/server.ts'

/** Moves a store whose parts were moved before. @returns the lines that the move says */
async function moveAgain(targets: MoveTargets): Promise<string[]> {
  const directory = await temporaryDirectory()
  const lines: string[] = []
  try {
    const moved = { catalog: 'postgres://db.example:5432/tureen', content: 's3://models/tureen' }
    await writeMarker(directory.path, 'id-of-store', moved)
    const say = (line: string) => void lines.push(line)
    await moveStore(directory.path, targets, false, { say, onFinding: () => undefined })
    return lines
  } finally {
    await directory.remove()
  }
}

const database = 'postgres://tureen:secret@db.example:5432/tureen'
const content = { bucket: 'models', prefix: 'tureen', pathStyle: true }

test('a part that was moved before is not moved again', async () => {
  expect(await moveAgain({ toPostgres: true, database, content })).toEqual([
    'the catalog was moved to postgres://db.example:5432/tureen before',
    'the content was moved to s3://models/tureen before',
  ])
})

test.each([
  [
    'database',
    { toPostgres: true, database: `${database}-2`, content: null },
    'The catalog was moved to postgres://db.example:5432/tureen before, and postgres://db.example:5432/tureen-2 is another place.',
  ],
  [
    'bucket',
    { toPostgres: false, database, content: { ...content, prefix: 'other' } },
    'The content was moved to s3://models/tureen before, and s3://models/other is another place.',
  ],
])('a part that was moved before is refused for another %s', async (_, targets, message) => {
  await expect(moveAgain(targets)).rejects.toThrow(message)
})
