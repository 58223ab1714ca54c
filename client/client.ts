import type { JobOf, JobRecord, JobType } from '../schemas/job.ts'
import { candidateOperations } from './candidate-operations.ts'
import { datasetOperations } from './dataset-operations.ts'
import { createExchange } from './exchange.ts'
import { exportOperations } from './export-operations.ts'
import { fetchTransport } from './fetch-transport.ts'
import { jobOperations } from './job-operations.ts'
import { modelOperations } from './model-operations.ts'
import { serviceOperations } from './service-operations.ts'
import type { ClientSettings } from './settings.ts'
import { soupOperations } from './soup-operations.ts'
import type { Transport } from './transport.ts'
import { type WaitOptions, waitForJob } from './wait.ts'
import { isUploadClass, xhrTransport } from './xhr-transport.ts'

/** A client of one server. It has a method for every operation of the API, by its operationId, and `wait`. */
export type TureenClient = ReturnType<typeof createClient>

/** Returns a client. It opens no connection before its first request, and holds nothing that needs to be closed. */
export function createClient(settings: ClientSettings) {
  const exchange = createExchange(settings, settings.transport ?? platformTransport())

  /** Waits until a job has ended, whether it succeeded or not. `resultOf` takes its result, or throws the reason. */
  function wait<Type extends JobType>(job: { id: string; type: Type }, options?: WaitOptions): Promise<JobOf<Type>>
  function wait(id: string, options?: WaitOptions): Promise<JobRecord>
  async function wait(job: string | { id: string; type: JobType }, options?: WaitOptions): Promise<JobRecord> {
    if (typeof job === 'string') return waitForJob(exchange, job, options)
    const ended = await waitForJob(exchange, job.id, options)
    if (ended.type !== job.type) throw new TypeError(`Job ${job.id} is a job of the type ${ended.type}.`)
    return ended
  }

  return {
    ...serviceOperations(exchange),
    ...modelOperations(exchange),
    ...datasetOperations(exchange),
    ...exportOperations(exchange),
    ...soupOperations(exchange),
    ...jobOperations(exchange),
    ...candidateOperations(exchange),
    wait,
  }
}

/** Returns the transport of this platform: fetch, and in browsers XMLHttpRequest for uploads. */
function platformTransport(): Transport {
  const upload: unknown = Reflect.get(globalThis, 'XMLHttpRequest')
  return isUploadClass(upload) ? xhrTransport(upload) : fetchTransport()
}
