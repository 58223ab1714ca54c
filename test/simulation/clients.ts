import { comparisonRequest } from '../../schemas/comparison.ts'
import { datasetUpload } from '../../schemas/dataset.ts'
import { job as jobSchema } from '../../schemas/job.ts'
import { asTureenError, type TureenError } from '../../src/errors.ts'
import type { Ledger } from './ledger.ts'
import type { ServerProcess } from './server-process.ts'
import type { SharedParts } from './shared-parts.ts'

/** The servers that clients reach. */
export type Servers = {
  /** Returns a running server, by chance; undefined if none runs. */
  any(): ServerProcess | undefined
  /** Resolves with an error once the server is gone. */
  untilGone(server: ServerProcess): Promise<Error>
}

/** Clients of a run. Each works until its steps are done. */
export type Clients = {
  /** Starts a client. @returns true once it has ended */
  start(name: string, steps: number): () => boolean
}

/** Milliseconds for which a client tries one request, far more than faults last. */
const patienceMilliseconds = 600_000

class ServerGone extends Error {}

/** Returns the clients of a run. */
export function createClients(
  { time, random, trace, violated }: SharedParts,
  servers: Servers,
  ledger: Ledger,
): Clients {
  /** Runs a request on a server. */
  const on = async <Result>(server: ServerProcess, request: (server: ServerProcess) => Promise<Result>) => {
    const gone = servers.untilGone(server).then(error => {
      throw error
    })
    return Promise.race([time.as(server.actor, () => request(server)), gone])
  }
  /** Sends a request until a server answers it. @returns the refusal of the service, if it is none that passes */
  const untilAnswered = async <Result>(
    request: (server: ServerProcess) => Promise<Result>,
  ): Promise<Result | TureenError> => {
    const until = time.now() + patienceMilliseconds
    while (time.now() < until) {
      const server = servers.any()
      if (server) {
        try {
          return await on(server, request)
        } catch (error) {
          if (!(error instanceof ServerGone)) {
            const failure = asTureenError(error)
            if (failure.code === 'TUREEN_INTERNAL') {
              violated(`a request failed with an unexpected error: ${error instanceof Error ? error.stack : error}`)
              throw error
            }
            if (!passing.has(failure.code)) return failure
          }
        }
      }
      await time.pause(50 + 500 * random.next())
    }
    violated('a request got no answer for ten minutes')
    throw new Error('no server answers')
  }

  const upload = async (name: string, text: string, key: string) => {
    const outcome = await untilAnswered(server =>
      server.idempotency.once(requestWith(key, '/v1/datasets'), reply, datasetUpload, {
        receive: () => server.receive(text),
        identify: ({ sha256 }) => sha256,
        discard: ({ path }) => server.discard(path),
        resource: ({ dataset }) => dataset.id,
        create: (file, keep) =>
          server.datasets.add([{ ...file, name: 'data.npz' }], { name, labels: {}, expiresAt: null }, keep),
      }),
    )
    if (!('dataset' in outcome)) return undefined
    trace(`acknowledged the data set ${outcome.dataset.id}`)
    ledger.datasetStored(outcome.dataset.id, text, key)
    return outcome.dataset.id
  }
  const startJob = async (inputs: readonly string[], key: string) => {
    const [first = '', second = first] = inputs
    const request = comparisonRequest.parse({ models: [{ id: first }, { id: second }] })
    const job = await untilAnswered(server =>
      server.idempotency.once(requestWith(key, '/v1/comparisons'), reply, jobSchema, {
        receive: async () => request,
        identify: body => body,
        discard: async () => undefined,
        resource: ({ id }) => id,
        create: (body, keep) =>
          server.commands.create({ type: 'comparison', request: body, labels: {}, inputIds: [first, second] }, keep),
      }),
    )
    if (!('id' in job)) return undefined
    trace(`acknowledged the job ${job.id}`)
    ledger.jobCreated(job.id, key)
    return job.id
  }
  const cancel = async (id: string) => {
    const answer = await untilAnswered(server => server.commands.cancel(id))
    if (!('job' in answer)) return
    trace(`acknowledged the cancellation of ${id}`)
    ledger.jobCancelled(id)
  }
  /** Reads the events of a job to the last one, with several connections. */
  const follow = async (id: string) => {
    const seen: { sequence: number; type: string }[] = []
    let last = 0
    let connection: AbortController | undefined
    for (let isOver = false; !isOver; ) {
      const most = random.integer(1, 20)
      const read = async (server: ServerProcess) => {
        const gone = new AbortController()
        connection = gone
        let left = most
        try {
          for await (const event of server.stream(id, last, gone.signal)) {
            // A frozen server may go on with a connection that the client has left for another one.
            if (connection !== gone) return false
            if (event === null) continue
            if (event.sequence <= last) violated(`the event ${event.sequence} of ${id} came after ${last}`)
            last = event.sequence
            if (event.type !== 'progress') seen.push({ sequence: event.sequence, type: event.type })
            if (event.type === 'done') return true
            left -= 1
            if (left <= 0) return false
          }
          // A server that stops ends its streams.
          return false
        } finally {
          gone.abort()
        }
      }
      const answer = await untilAnswered(read)
      // The job was deleted meanwhile.
      if (typeof answer !== 'boolean') return
      isOver = answer
      if (!isOver) await time.pause(100 * random.next())
    }
    ledger.followed({ id, seen })
  }
  const waitFor = async (id: string) => {
    for (;;) {
      const answer = await untilAnswered(server =>
        server.queries.wait(id, random.integer(1, 60), new AbortController().signal),
      )
      if (!('job' in answer) || answer.job.finishedAt !== null) return
    }
  }
  const remove = async (id: string, request: (server: ServerProcess) => Promise<void>) => {
    ledger.mayBeDeleted(id)
    const answer = await untilAnswered(request)
    // A repeated request finds nothing if the first one was done.
    if (answer === undefined || answer.code === 'TUREEN_NOT_FOUND') ledger.recordDeleted(id)
  }

  /** Requests that failed for a reason that passes may have been done. */
  const passing = new Set([
    'TUREEN_CATALOG_UNAVAILABLE',
    'TUREEN_CONTENT_UNAVAILABLE',
    'TUREEN_IDEMPOTENCY_KEY_BUSY',
    'TUREEN_QUEUE_FULL',
    'TUREEN_SHUTTING_DOWN',
  ])

  /** Records of all clients: what one of them uses, another may cancel or delete. */
  const datasets: string[] = []
  const jobs: string[] = []
  const newest = (ids: readonly string[]) => ids.at(-1 - Math.min(random.integer(0, 2), ids.length - 1))

  const work = async (name: string, steps: number) => {
    for (let step = 0; step < steps; step += 1) {
      await time.pause(random.pick([1, 20, 1000]) * random.next())
      const key = `${name}-${step}`
      const [dataset, job] = [newest(datasets), newest(jobs)]
      const choice = random.next()
      if (dataset === undefined || choice < 0.35) {
        // Few contents, and few uses of each: so one is removed while others add it.
        const text = `content ${random.integer(1, 2)}`
        const id = await upload(random.pick(['a', name]), text, key)
        if (id !== undefined && random.next() < 0.5)
          await remove(id, server => server.datasets.remove(id, () => undefined))
        else if (id !== undefined) datasets.push(id)
      } else if (job === undefined || choice < 0.55) {
        const id = await startJob([dataset, random.pick(datasets)], key)
        if (id !== undefined) jobs.push(id)
      } else if (choice < 0.68) await follow(job)
      else if (choice < 0.75) await cancel(job)
      else if (choice < 0.8) await waitFor(job)
      else if (choice < 0.87) await remove(job, server => server.commands.remove(job, () => undefined))
      else await remove(dataset, server => server.datasets.remove(dataset, () => undefined))
    }
    if (jobs.length > 0) await follow(random.pick(jobs))
  }

  return {
    start(name, steps) {
      let isOver = false
      work(name, steps).then(
        () => {
          isOver = true
        },
        (error: unknown) => violated(`the client ${name} failed: ${error instanceof Error ? error.stack : error}`),
      )
      return () => isOver
    },
  }
}

export function serverGone(): Error {
  return new ServerGone('the server is gone')
}

const reply = { header: () => undefined }

function requestWith(key: string, url: string) {
  return { headers: { 'idempotency-key': key }, token: null, method: 'POST', query: {}, routeOptions: { url } }
}
