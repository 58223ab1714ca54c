import type { z } from 'zod'
import type { metricList } from '../schemas/evaluation.ts'
import type { methodList } from '../schemas/method.ts'
import type { health, Usage } from '../schemas/service.ts'
import { type Exchange, readJson } from './exchange.ts'
import type { RequestOptions } from './settings.ts'

type Health = z.infer<typeof health>

/** Operations that tell about the server: health, usage, and what it can do. */
export function serviceOperations({ send }: Exchange) {
  return {
    getLiveness: (options?: RequestOptions) => send('getLiveness', {}, { options }, readJson<Health>),
    getInferenceLiveness: (options?: RequestOptions) => send('getInferenceLiveness', {}, { options }, readJson<Health>),
    getReadiness: (options?: RequestOptions) => send('getReadiness', {}, { options }, readJson<Health>),
    getInferenceReadiness: (options?: RequestOptions) =>
      send('getInferenceReadiness', {}, { options }, readJson<Health>),
    /** Records, files, bytes, jobs and free space, and the limits of the server. */
    getUsage: (options?: RequestOptions) => send('getUsage', {}, { options }, readJson<Usage>),
    /** Service metrics in the text format of Prometheus. */
    getServiceMetrics: (options?: RequestOptions) =>
      send('getServiceMetrics', {}, { options }, response => response.text()),
    listMergeMethods: (options?: RequestOptions) =>
      send('listMergeMethods', {}, { options }, readJson<z.infer<typeof methodList>>),
    listScoringMetrics: (options?: RequestOptions) =>
      send('listScoringMetrics', {}, { options }, readJson<z.infer<typeof metricList>>),
  }
}
