import { type CheckTask, checkFile } from './check-file.ts'

/** The process in which files are checked: one that is brought down takes nothing else with it. */
process.on('message', (task: CheckTask) => {
  try {
    process.send?.({ answer: checkFile(task, (stage, bytes) => process.send?.({ stage, bytes })) })
  } catch (error) {
    process.send?.({ unreadable: error instanceof Error ? error.message : String(error) })
  }
})
process.on('disconnect', () => process.exit(0))
