import { z } from 'zod'
import { allItems } from '../client/index.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { requireRecords } from './held-records.ts'
import { CommandFailure, exitCodes } from './mistakes.ts'
import { readWholeNumber } from './option-values.ts'
import { scoreCandidates } from './score-candidates.ts'
import { requireModelPlace } from './scorer-command.ts'
import { runSession } from './session.ts'

const scoreOptions = z.object({
  ...commonOptions,
  command: z.string(),
  jobs: z.string(),
  lease: z.string(),
  timeout: z.string().optional(),
  scorer: z.string().optional(),
})

/** `tureen score`: scores the candidates of a search by a command. */
export async function scoreCommand(given: readonly string[]): Promise<void> {
  const command = createCommand(
    'score',
    'Score the candidates of a search by a command of your own, until the search ends.',
  )
    .argument('<job>', 'id of a search with scores from outside')
    .requiredOption(
      '--command <command>',
      "command for the shell, such as './eval.sh {model}'; the last line of its output is the score, and {split} is selection or test",
    )
    .option('--jobs <number>', 'candidates to score at a time', '1')
    .option('--timeout <seconds>', 'seconds after which a command is ended, as a failure')
    .option('--lease <seconds>', 'seconds of a lease; it is renewed while the command runs', '60')
    .option('--scorer <name>', 'only candidates of this scorer, if the search has several')
  const { options, names } = readCommand(command, scoreOptions, given)
  await runSession(
    'score',
    options,
    async () => {
      requireRecords(options)
      requireModelPlace('--command', options.command)
      return {
        command: options.command,
        jobs: readWholeNumber('--jobs', options.jobs),
        leaseSeconds: readWholeNumber('--lease', options.lease),
        seconds: options.timeout === undefined ? undefined : readWholeNumber('--timeout', options.timeout),
        scorer: options.scorer,
      }
    },
    async (session, scoring) => {
      const { client, reporter, signal } = session
      const id = names[0] ?? ''
      const { scored, failed, status } = await scoreCandidates(session, id, scoring)
      if (options.json) {
        const items = await Array.fromAsync(
          allItems(page => client.listCandidates(id, { ...page, limit: 500 }, { signal })),
        )
        reporter.document({ items, nextCursor: null })
      }
      const found = `${scored} candidates scored here, ${failed} failed`
      if (status !== 'succeeded')
        throw new CommandFailure(`The search ${id} has ${status === 'failed' ? 'failed' : 'been cancelled'}; ${found}.`)
      reporter.tell(`${found}; the search has succeeded`)
      return exitCodes.done
    },
  )
}
