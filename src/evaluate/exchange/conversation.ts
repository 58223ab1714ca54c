import type { Readable, Writable } from 'node:stream'
import { serialize } from 'node:v8'
import type { TureenError } from '../../errors.ts'
import type { Task } from '../protocol.ts'
import { progressMilliseconds } from './answer-limits.ts'
import { FrameDecoder, frameKinds, Misfit, messageBuffers, partsOf, type ReadFrame } from './frames.ts'
import { readProblem, readProgress } from './read-answers.ts'

export type OnSamples = (done: number, total: number) => void

/** A task, and the way to read its answers. `mostBytes`: most bytes of the result. The readers throw Misfit. */
export type Question<Answer> = {
  task: Task
  mostBytes: number
  readResult(body: Buffer): Answer
  /** Most partial answers, and their reader; absent if the task has none. */
  partials?: { most: number; read(payload: Buffer): void }
}

/** Hears the steps of a task. `onTaken` and `onPartial` start the time of one evaluation. */
export type Listener = { onTaken(): void; onPartial(): void; onProgress: OnSamples }

/** The outcome of a question; `ended` if the evaluator wrote no more before it gave one. */
export type Reply<Answer> =
  | { kind: 'answer'; answer: Answer }
  | { kind: 'problem'; problem: TureenError }
  | { kind: 'ended' }

/** The server's end of the pipes of one evaluator. It reads only while it waits for an answer. */
export type Conversation = {
  /** Waits until the evaluator takes tasks. @returns false if it wrote no more. @throws Misfit */
  ready(): Promise<boolean>
  /** Asks one question; wait for the reply before the next. @throws Misfit if the evaluator answers anything else */
  ask<Answer>(question: Question<Answer>, listener: Listener): Promise<Reply<Answer>>
}

/** Reports of progress that may come at once, after the server's own loop stood still. */
const spareReports = 10

export function openConversation(input: Writable, output: Readable): Conversation {
  // The end of a process is reported by its exit. A pipe without a reader would otherwise end the server.
  input.on('error', () => undefined)
  output.on('error', () => undefined)
  const { next, requireEnd } = frameReader(output)
  const readBody = async (parts: number): Promise<Buffer | undefined> => {
    const payloads: Buffer[] = []
    for (let part = 0; part < parts; part += 1) {
      const frame = await next()
      if (!frame) return undefined
      if (frame.kind !== frameKinds.part) throw new Misfit(`wrote a frame of kind ${frame.kind} inside a result`)
      payloads.push(frame.payload)
    }
    const [first] = payloads
    return first && payloads.length === 1 ? first : Buffer.concat(payloads)
  }
  return {
    async ready() {
      const frame = await next()
      if (frame && frame.kind !== frameKinds.ready)
        throw new Misfit(`wrote a frame of kind ${frame.kind} before it was ready`)
      return frame !== undefined
    },
    async ask({ task, mostBytes, readResult, partials }, { onTaken, onPartial, onProgress }) {
      const asked = performance.now()
      write(input, serialize({ ...task, mostBytes }))
      let reports = 0
      let given = 0
      const taken = await next()
      if (!taken) return { kind: 'ended' }
      if (taken.kind !== frameKinds.taken)
        throw new Misfit(`wrote a frame of kind ${taken.kind} before it took its task`)
      onTaken()
      for (;;) {
        const frame = await next()
        if (!frame) return { kind: 'ended' }
        switch (frame.kind) {
          case frameKinds.progress:
            reports += 1
            if (reports > spareReports + (performance.now() - asked) / progressMilliseconds)
              throw new Misfit(
                `reported its progress ${reports} times, more often than every ${progressMilliseconds} ms`,
              )
            onProgress(...readProgress(frame.payload))
            break
          case frameKinds.partial:
            given += 1
            if (!partials || given > partials.most)
              throw new Misfit(`gave ${given} partial answers, more than it was asked for`)
            partials.read(frame.payload)
            onPartial()
            break
          case frameKinds.problem: {
            const problem = readProblem(frame.payload)
            requireEnd()
            return { kind: 'problem', problem }
          }
          case frameKinds.result: {
            const body = await readBody(partsOf(frame, mostBytes))
            if (!body) return { kind: 'ended' }
            if (body.byteLength > mostBytes)
              throw new Misfit(`gave a result of ${body.byteLength} bytes, more than it may`)
            const answer = readResult(body)
            requireEnd()
            return { kind: 'answer', answer }
          }
          default:
            throw new Misfit(`wrote a frame of kind ${frame.kind} in place of an answer`)
        }
      }
    },
  }
}

function write(input: Writable, body: Uint8Array): void {
  input.cork()
  for (const buffer of messageBuffers(frameKinds.task, body)) input.write(buffer)
  input.uncork()
}

/** Returns a reader of frames. It reads from the pipe only while someone waits for a frame. */
function frameReader(output: Readable): { next(): Promise<ReadFrame | undefined>; requireEnd(): void } {
  const chunks: AsyncIterator<Buffer> = output[Symbol.asyncIterator]()
  const decoder = new FrameDecoder()
  let decoded: Iterator<ReadFrame, void> | undefined
  return {
    /** Returns the next frame; undefined if the pipe has ended, also inside a frame. */
    async next() {
      for (;;) {
        const frame = decoded?.next()
        if (frame && !frame.done) return frame.value
        // A pipe that breaks ends the conversation like one that ends.
        const chunk = await chunks.next().catch(() => undefined)
        if (!chunk || chunk.done) return undefined
        decoded = decoder.decode(chunk.value)
      }
    },
    requireEnd() {
      if (decoded?.next().done === false || !decoder.isBetweenFrames) throw new Misfit('wrote more after its answer')
    },
  }
}
