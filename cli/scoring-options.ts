import type { Command } from 'commander'
import { z } from 'zod'
import { repeated } from './command.ts'
import { readTexts, readWholeNumber } from './option-values.ts'

/** Options of commands that score models, as {@link addScoringOptions} declares them. */
export const scoringOptions = {
  input: z.array(z.string()).optional(),
  target: z.string().optional(),
  modelOutput: z.string().optional(),
  batchSize: z.string().optional(),
}

export function addScoringOptions(command: Command): Command {
  return command
    .option('--input <input=array>', 'array of the data set for an input of the model; can be repeated', repeated)
    .option('--target <array>', 'array of the data set that the output is compared with')
    .option('--model-output <name>', 'output of the model to score')
    .option('--batch-size <number>', 'samples in one run, if the model leaves that open')
}

/** Returns how models are scored, as the HTTP API has it. What the options leave out, the server finds itself. */
export function scoringOf({ input, target, modelOutput, batchSize }: z.infer<z.ZodObject<typeof scoringOptions>>) {
  return {
    ...(input === undefined ? {} : { inputs: readTexts('--input', input) }),
    ...(target === undefined ? {} : { target }),
    ...(modelOutput === undefined ? {} : { output: modelOutput }),
    ...(batchSize === undefined ? {} : { batchSize: readWholeNumber('--batch-size', batchSize) }),
  }
}
