import { z } from 'zod'

const labels = z.record(z.string(), z.string())
const selector = z.strictObject({ matchLabels: labels })
const metadata = z.looseObject({ name: z.string(), labels: labels.optional() })
const port = z.union([z.string(), z.number()])
const probe = z.looseObject({
  httpGet: z.object({ path: z.string(), port }),
  timeoutSeconds: z.number().default(1),
  periodSeconds: z.number().default(10),
  failureThreshold: z.number().default(3),
})
const amounts = z.object({ cpu: z.string(), memory: z.string(), 'ephemeral-storage': z.string() })
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  envFrom: z.array(
    z.union([
      z.strictObject({ configMapRef: z.strictObject({ name: z.string() }) }),
      z.strictObject({ secretRef: z.strictObject({ name: z.string() }) }),
    ]),
  ),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  resources: z.object({ requests: amounts, limits: amounts }),
  securityContext: z.unknown(),
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  lifecycle: z.object({ preStop: z.object({ exec: z.object({ command: z.array(z.string()) }) }) }).optional(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().default(false) })),
})
const volume = z.union([
  z.strictObject({ name: z.string(), emptyDir: z.strictObject({ sizeLimit: z.string() }) }),
  z.strictObject({ name: z.string(), secret: z.strictObject({ secretName: z.string() }) }),
])

export const deployment = z.looseObject({
  kind: z.literal('Deployment'),
  metadata,
  spec: z.looseObject({
    selector,
    template: z.object({
      metadata: z.object({ labels, annotations: labels }),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.unknown(),
        topologySpreadConstraints: z.array(z.looseObject({ labelSelector: selector })),
        containers: z.tuple([container]),
        volumes: z.array(volume),
      }),
    }),
  }),
})
export type Deployment = z.infer<typeof deployment>

export const service = z.looseObject({
  kind: z.literal('Service'),
  metadata,
  spec: z.looseObject({ selector: labels, ports: z.array(z.looseObject({ port: z.number(), targetPort: port })) }),
})

const cpu = z.strictObject({
  type: z.literal('Resource'),
  resource: z.strictObject({ name: z.literal('cpu'), target: z.looseObject({ type: z.literal('Utilization') }) }),
})
const external = z.strictObject({
  type: z.literal('External'),
  external: z.strictObject({
    metric: z.strictObject({ name: z.string() }),
    target: z.strictObject({ type: z.literal('AverageValue'), averageValue: z.string() }),
  }),
})
export const autoscaler = z.looseObject({
  kind: z.literal('HorizontalPodAutoscaler'),
  metadata,
  spec: z.looseObject({
    scaleTargetRef: z.strictObject({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
    minReplicas: z.number(),
    maxReplicas: z.number(),
    metrics: z.array(z.union([cpu, external])),
  }),
})

/** A patch that adds a metric to an autoscaler. */
export const addedMetric = z.tuple([
  z.strictObject({ op: z.literal('add'), path: z.literal('/spec/metrics/-'), value: external }),
])

export const disruptionBudget = z.looseObject({
  kind: z.literal('PodDisruptionBudget'),
  metadata,
  spec: z.looseObject({ selector, maxUnavailable: z.number() }),
})

export const networkPolicy = z.looseObject({
  kind: z.literal('NetworkPolicy'),
  metadata,
  spec: z.looseObject({
    podSelector: selector,
    ingress: z.array(z.looseObject({ ports: z.array(z.object({ port })) })).default([]),
    egress: z.array(z.looseObject({ ports: z.array(z.object({ port })) })).default([]),
  }),
})

/** True if an object with these labels is selected. */
export function selects(wanted: Record<string, string>, given: Record<string, string>): boolean {
  return Object.entries(wanted).every(([name, value]) => given[name] === value)
}

/** Returns a quantity of Kubernetes as a number, such as 2147483648 for `2Gi` and 0.5 for `500m`. */
export function quantity(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)(m|Ki|Mi|Gi|Ti)?$/.exec(text) ?? []
  if (digits === '') throw new Error(`${text} is not a quantity`)
  const factors: Record<string, number> = { '': 1, m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 }
  return Number(digits) * (factors[unit] ?? Number.NaN)
}
