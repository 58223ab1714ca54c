import { z } from 'zod'
import { resultOf } from '../client/index.ts'
import type { EvaluationResult } from '../schemas/evaluation.ts'
import { commonOptions, createCommand, readCommand, repeated } from './command.ts'
import { findInput, keepOption } from './inputs.ts'
import { warnOfIsolation } from './isolation.ts'
import { addJobOptions, addWarningGate, jobOptions, warningGate } from './job-options.ts'
import { isKeptBy, runJob } from './jobs.ts'
import { exitCodes } from './mistakes.ts'
import { readMetric, readWholeNumber } from './option-values.ts'
import { addScoringOptions, scoringOf, scoringOptions } from './scoring-options.ts'
import { runSession } from './session.ts'
import { shownScore, tableLines } from './terminal.ts'
import { createUploads } from './uploads.ts'

const evaluateOptions = z.object({
  ...commonOptions,
  ...jobOptions,
  ...scoringOptions,
  ...keepOption,
  data: z.string(),
  metric: z.array(z.string()).optional(),
  limit: z.string().optional(),
  ...warningGate,
})

/** `tureen evaluate`: scores one model on a data set. */
export async function evaluateCommand(given: readonly string[]): Promise<void> {
  const command = addWarningGate(
    addScoringOptions(
      addJobOptions(createCommand('evaluate', 'Score a model on a data set.'))
        .argument('<model>', 'ONNX file')
        .requiredOption('--data <data>', 'data set: an .npz file')
        .option('--metric <metric>', 'scoring metric, such as accuracy; can be repeated', repeated),
    ),
    'end with code 1 if the scores have notes, such as outputs that were read as logits',
  )
    .option('--limit <number>', 'samples to score, from the first; all without it')
    .option('--keep', 'leave the model, the data set and the job on the server')
  const { options, names } = readCommand(command, evaluateOptions, given)
  await runSession(
    'evaluate',
    options,
    async () => ({
      model: await findInput(names[0] ?? '', options),
      data: await findInput(options.data, options),
      scoring: scoringOf(options),
      metrics: options.metric?.map(readMetric),
      limit: options.limit === undefined ? undefined : readWholeNumber('--limit', options.limit),
    }),
    async (session, asked) => {
      const { client, reporter } = session
      await warnOfIsolation(session)
      const uploads = createUploads(session, options.keep, { areRun: true })
      const body = {
        model: (await uploads.model(asked.model)).id,
        dataset: await uploads.dataset(asked.data),
        ...asked.scoring,
        metrics: asked.metrics,
        limit: asked.limit,
        labels: uploads.labels,
        ttl: uploads.ttl,
      }
      const isKept = isKeptBy(session, options.keep)
      const job = await runJob<'evaluation'>(session, isKept, started => client.createEvaluation(body, started))
      const result = resultOf<EvaluationResult>(job)
      reporter.document(job)
      reporter.tell(...shown(result, reporter.readable))
      if (!options.failOnWarnings || result.notes.length === 0) return exitCodes.done
      reporter.fail('The scores have notes, and --fail-on-warnings is given.')
      return exitCodes.failed
    },
  )
}

function shown({ metrics, samples, latencyMs, notes }: EvaluationResult, readable: (text: string) => string): string[] {
  return [
    ...tableLines(
      ['metric', 'score'],
      Object.entries(metrics).map(([name, score]) => [name, shownScore(score)]),
    ),
    `${samples} samples, ${shownScore(latencyMs.median)} ms a run`,
    ...notes.map(note => readable(`note: ${note}`)),
  ]
}
