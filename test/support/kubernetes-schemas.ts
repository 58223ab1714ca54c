import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment'
import { validate as autoscaler } from 'kubernetes-models/_schemas/IoK8sApiAutoscalingV2HorizontalPodAutoscaler'
import { validate as namespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace'
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service'
import { validate as networkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy'
import { validate as disruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget'
import { z } from 'zod'

/** Kubernetes's own schemas, by the kind that they are for. */
const schemas = new Map([
  ['apps/v1 Deployment', deployment],
  ['autoscaling/v2 HorizontalPodAutoscaler', autoscaler],
  ['networking.k8s.io/v1 NetworkPolicy', networkPolicy],
  ['policy/v1 PodDisruptionBudget', disruptionBudget],
  ['v1 Namespace', namespace],
  ['v1 Service', service],
])

const kindOf = z.looseObject({ apiVersion: z.string(), kind: z.string() })
const found = z.array(z.object({ instancePath: z.string(), keyword: z.string(), params: z.unknown() })).nullish()

/**
 * Returns everything in a manifest that Kubernetes's schemas refuse or do not know, with its place. The schemas allow unknown fields. But
 * their validators read every field that they know, so a field that none has read is unknown.
 */
export function manifestFaults(manifest: unknown): string[] {
  const { apiVersion, kind } = kindOf.parse(manifest)
  const validate = schemas.get(`${apiVersion} ${kind}`)
  if (!validate) return [`no schema for ${apiVersion} ${kind}`]
  const read = new Set<string>()
  validate(watched(manifest, '', read))
  const errors = found.parse(Object(validate).errors) ?? []
  const unknown = pathsIn(manifest, '').filter(path => !read.has(path))
  return [
    ...errors.map(({ instancePath, keyword, params }) => `${instancePath} breaks ${keyword} ${JSON.stringify(params)}`),
    ...unknown.map(path => `${path} is not known`),
  ]
}

/** Returns a view of a value that adds the path of every field that is read to `read`. */
function watched(value: unknown, path: string, read: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  return new Proxy(value, {
    get(target, key) {
      const child: unknown = Reflect.get(target, key)
      if (typeof key === 'symbol') return child
      read.add(`${path}/${key}`)
      return watched(child, `${path}/${key}`, read)
    },
  })
}

function pathsIn(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => [`${path}/${key}`, ...pathsIn(child, `${path}/${key}`)])
}
