import { z } from 'zod'
import { resultOf } from '../client/index.ts'
import type { ComparisonResult } from '../schemas/comparison.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { addRootOption, findInput, keepOption, type NamedInput, rootOption } from './inputs.ts'
import { addJobOptions, addWarningGate, jobOptions, warningGate } from './job-options.ts'
import { isKeptBy, runJob } from './jobs.ts'
import { exitCodes, UsageMistake } from './mistakes.ts'
import { runSession } from './session.ts'
import { shownScore, tableLines } from './terminal.ts'
import { createUploads } from './uploads.ts'

const compareOptions = z.object({
  ...commonOptions,
  ...jobOptions,
  ...keepOption,
  ...rootOption,
  ...warningGate,
})

/** `tureen compare`: compares models pair by pair. */
export async function compareCommand(given: readonly string[]): Promise<void> {
  const command = addWarningGate(
    addRootOption(
      addJobOptions(
        createCommand('compare', 'Compare models pair by pair: can they be merged, and how far apart are they?'),
      ),
    ),
    'end with code 1 if the comparison has warnings',
  )
    .argument('<models...>', 'ONNX files or checkpoints, at least two')
    .option('--keep', 'leave the models and the job on the server')
  const { options, names } = readCommand(command, compareOptions, given)
  await runSession(
    'compare',
    options,
    async () => {
      if (names.length < 2) throw new UsageMistake('A comparison needs at least two models. Name one more.')
      const inputs: NamedInput[] = []
      for (const name of names) inputs.push(await findInput(name, options))
      return inputs
    },
    async (session, inputs) => {
      const { client, reporter } = session
      const uploads = createUploads(session, options.keep, { root: options.root })
      const models = (await uploads.models(inputs)).map(({ id }) => ({ id }))
      const body = { models, labels: uploads.labels, ttl: uploads.ttl }
      const isKept = isKeptBy(session, options.keep)
      const job = await runJob<'comparison'>(session, isKept, started => client.createComparison(body, started))
      const result = resultOf<ComparisonResult>(job)
      reporter.document(job)
      reporter.warn(result.warnings)
      reporter.tell(...shown(result, reporter.readable))
      return options.failOnWarnings && result.warnings.length > 0 ? exitCodes.failed : exitCodes.done
    },
  )
}

function shown({ models = [], pairs }: ComparisonResult, readable: (text: string) => string): string[] {
  const nameOf = (id: string) => models.find(model => model.id === id || model.sha256 === id)?.name ?? id
  const rows = pairs.map(({ a, b, compatible, cosine, relativeDistance, totals }) => [
    nameOf(a),
    nameOf(b),
    compatible ? 'yes' : 'no',
    shownScore(cosine),
    shownScore(relativeDistance),
    String(totals.averaged),
    String(totals.identical),
  ])
  const reasons = pairs.flatMap(({ a, b, reasons }) =>
    reasons.map(({ tensor, node, message }) =>
      readable(`${nameOf(a)}, ${nameOf(b)}: ${[tensor ?? node, message].filter(Boolean).join(' ')}`),
    ),
  )
  return [...tableLines(['a', 'b', 'can be merged', 'cosine', 'distance', 'averaged', 'identical'], rows), ...reasons]
}
