import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { BareInference } from './bare-inference.ts'
import type { SearchContestant } from './search.ts'

const childModule = fileURLToPath(new URL('./bare-inference.ts', import.meta.url))
const answerSchema = z.object({ seconds: z.number(), accuracies: z.array(z.tuple([z.number(), z.number()])) })

/** The soups of bare-inference.ts, dealt out to processes that start at the same moment. */
export function bareInference(directory: string, processes: number, signal: AbortSignal): SearchContestant {
  return {
    name: processes === 1 ? 'bare inference, 1 thread' : `bare inference, ${processes} processes`,
    description: `test/bench/bare-inference.ts: onnxruntime-node alone, soups and batches ready in memory, nothing scored, telemetry off${
      processes === 1 ? '' : '; as many processes as Tureen has evaluators'
    }`,
    async search() {
      const children = Array.from({ length: processes }, (_, share) =>
        // onnxruntime would note every session for Microsoft, which takes a tenth of its time.
        fork(childModule, [directory, String(share), String(processes)], {
          signal,
          env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
        }),
      )
      try {
        await Promise.all(children.map(child => messageOf(child)))
        const answers = await Promise.all(children.map(child => ask(child)))
        const accuracies: number[] = []
        for (const [subset, accuracy] of answers.flatMap(answer => answer.accuracies)) accuracies[subset - 1] = accuracy
        return { seconds: Math.max(...answers.map(({ seconds }) => seconds)), accuracies }
      } finally {
        for (const child of children) child.kill('SIGKILL')
      }
    },
  }
}

async function ask(child: ChildProcess): Promise<BareInference> {
  const answer = messageOf(child)
  child.send('go')
  return answerSchema.parse(await answer)
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`bare-inference.ts ended with ${code}`)
  })
  // Met only if it comes before the message.
  ended.catch(() => undefined)
  const [message] = await Promise.race([once(child, 'message'), ended])
  return message
}
