import type { Usage } from '../../schemas/service.ts'
import { maximumSearchModels } from '../../schemas/strategy.ts'
import type { Config } from '../config.ts'
import { longRequestLimits } from '../http/long-requests.ts'
import { uploadsOfClient } from '../http/upload-slots.ts'
import type { Plugins } from './http-plugins.ts'

/** Returns the limits that the service tells its clients; null for what is not limited. */
export function serviceLimits(
  config: Config,
  { slots, maximumConnections }: Pick<Plugins, 'slots' | 'maximumConnections'>,
): Usage['limits'] {
  const { maximumModels, evaluation, jobs, progress, retention } = config
  return {
    uploadBytes: config.maximumUploadBytes,
    storeBytes: config.maximumStoreBytes || null,
    uploads: slots.maximumUploads,
    uploadsOfClient: uploadsOfClient(slots),
    bytesPerSecond: progress.bytesPerSecond || null,
    bodySeconds: config.bodySeconds,
    connections: maximumConnections,
    ...longRequestLimits,
    models: maximumModels,
    searchModels: Math.min(maximumModels, maximumSearchModels),
    queuedJobs: jobs.maximumQueued,
    requestsPerMinute: config.requestsPerMinute || null,
    evaluationSeconds: evaluation.seconds,
    evaluationMemoryBytes: evaluation.memoryBytes,
    evaluationThreads: evaluation.threads,
    searchMemoryBytes: config.searchMemoryBytes,
    taskSeconds: config.taskSeconds,
    jobTtl: jobs.ttl,
    idempotencySeconds: retention.idempotencySeconds,
  }
}
