import { randomUUID } from 'node:crypto'
import { memoryBoard } from '../support/memory-board.ts'
import { rangeBoardSuite } from './range-board-suite.ts'

rangeBoardSuite(async () => {
  const board = memoryBoard()
  return { board, newJob: async () => randomUUID(), endJob: async jobId => board.endJob(jobId) }
})
