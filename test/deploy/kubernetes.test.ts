import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import packageJson from '../../package.json' with { type: 'json' }
import { deployedConfig, imageVariables, variablesIn } from '../support/deployed-variables.ts'
import {
  addedMetric,
  autoscaler,
  deployment,
  disruptionBudget,
  networkPolicy,
  quantity,
  selects,
  service,
} from '../support/kubernetes-objects.ts'
import { manifestFaults } from '../support/kubernetes-schemas.ts'
import { manifestsIn, readKustomization } from '../support/kustomization.ts'
import { metricFaults } from '../support/metric-faults.ts'
import { metricUses } from '../support/promql.ts'
import { servedSeries } from '../support/served-series.ts'
import { projectFile, projectRoot, startApp } from '../support/server.ts'

const root = 'deploy/kubernetes'
const folders = ['base', 'example', 'queue-depth']
const textOf = async (...path: string[]) => String(await projectFile(join(root, ...path)))
const base = await readKustomization(join(root, 'base'))
const example = await readKustomization(join(root, 'example'))

const manifests = (await Promise.all(base.resources.map(file => manifestsIn(join(root, 'base', file))))).flat()
/** The manifests of one kind: those that its schema takes. */
const of = <Kind>(kind: z.ZodType<Kind>, name: string) =>
  manifests.filter(each => z.object({ kind: z.literal(name) }).safeParse(each).success).map(each => kind.parse(each))
const deployments = of(deployment, 'Deployment').map(each => {
  const { labels, annotations } = each.spec.template.metadata
  const { spec } = each.spec.template
  return { name: each.metadata.name, each, labels, annotations, spec, container: spec.containers[0] }
})
const autoscalers = of(autoscaler, 'HorizontalPodAutoscaler')
const [api, worker] = ['tureen-api', 'tureen-worker'].map(name => deployments.filter(each => each.name === name))

const settings = {
  ...variablesIn(await textOf('base', 'settings.env')),
  ...variablesIn(await textOf('example', 'settings.env')),
}
const secrets = variablesIn(await textOf('example', 'secrets.env'))
/** Variables of the one container of a deployment, as Kubernetes makes them. */
const variablesOf = ({ container }: (typeof deployments)[number]) => ({
  ...settings,
  ...secrets,
  ...Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
})

describe('the files', () => {
  test.each(folders)('of %s are all there, and each is used', async folder => {
    const { named, present } = await readKustomization(join(root, folder))
    expect(present.toSorted()).toEqual(named.toSorted())
  })

  test('of folders that another folder names are there', () => {
    expect([...example.resources.filter(each => !each.endsWith('.yaml')), ...example.components]).toEqual([
      '../base',
      '../queue-depth',
    ])
  })

  test('say all that Kubernetes asks for, and nothing that it does not know', async () => {
    const namespace = await manifestsIn(join(root, 'example', 'namespace.yaml'))
    expect([...manifests, ...namespace].flatMap(each => manifestFaults(each))).toEqual([])
    expect(manifests.length).toBe(10)
  })

  test('with a wrong field or value would be found', () => {
    const wrong = structuredClone(manifests[0])
    Object.assign(Object(wrong).spec.template.spec, { hostname: 5, terminationGraceSeconds: 9 })
    expect(manifestFaults(wrong)).toEqual([
      expect.stringMatching(/^\/spec\/template\/spec\/hostname breaks type /),
      '/spec/template/spec/terminationGraceSeconds is not known',
    ])
  })
})

test('there is one deployment of servers for clients, and one of workers', () => {
  expect(deployments.map(({ name }) => name)).toEqual(['tureen-api', 'tureen-worker'])
})

describe.each(deployments)('the pods of $name', pod => {
  const { name, each, labels, annotations, spec, container } = pod
  let app: Awaited<ReturnType<typeof startApp>>
  beforeAll(async () => {
    app = await startApp({ TUREEN_METRICS: 'open' })
  })
  afterAll(() => app.close())

  test('are selected by their deployment, and by no other', () => {
    const by = deployments.filter(other => selects(other.each.spec.selector.matchLabels, labels))
    expect(by.map(other => other.name)).toEqual([name])
    for (const { labelSelector } of spec.topologySpreadConstraints) expect(labelSelector).toEqual(each.spec.selector)
  })

  test('have variables with which the server starts in its role', async () => {
    const config = await deployedConfig(variablesOf(pod))
    expect(config).toMatchObject({
      role: name.replace('tureen-', ''),
      isShared: true,
      isolation: 'required',
      metricsOpen: true,
      host: '0.0.0.0',
      tokens: [{ name: 'pipeline', scope: 'write' }],
    })
    expect(container.envFrom).toEqual([
      { configMapRef: { name: 'tureen-settings' } },
      { secretRef: { name: 'tureen-secrets' } },
    ])
  })

  test('get each secret from a key that is generated, and no secret from a config map', () => {
    expect(example.secretGenerator.map(generator => generator.name)).toEqual(['tureen-secrets', 'tureen-tokens'])
    expect([...base.configMapGenerator, ...example.configMapGenerator].map(generator => generator.name)).toEqual([
      'tureen-settings',
      'tureen-settings',
    ])
    expect(Object.keys(settings).filter(variable => /SECRET|PASSWORD|KEY|URL$/.test(variable))).toEqual([])
  })

  test('find the tokens where the variable says', () => {
    const path = settings['TUREEN_TOKENS_FILE'] ?? ''
    const mount = container.volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`))
    expect(mount?.readOnly).toBe(true)
    expect(spec.volumes).toContainEqual({ name: mount?.name, secret: { secretName: 'tureen-tokens' } })
    const keys = example.secretGenerator.find(generator => generator.name === 'tureen-tokens')?.files
    expect(keys?.map(key => `${mount?.mountPath}/${key.split('=')[0]}`)).toEqual([path])
  })

  test('are probed at the port of the server, on paths that it answers', async () => {
    const { PORT } = await imageVariables()
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(PORT) }])
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(probe.httpGet.port).toBe('http')
      expect((await fetch(`${app.url}${probe.httpGet.path}`)).status).toBe(200)
    }
    // An unreadable store is no reason to start again.
    expect(container.livenessProbe.httpGet.path).toBe('/healthz')
    // /readyz answers within 5 seconds.
    expect(container.readinessProbe).toMatchObject({ httpGet: { path: '/readyz' }, timeoutSeconds: 6 })
    // The start waits 60 seconds for the database.
    expect(container.startupProbe.periodSeconds * container.startupProbe.failureThreshold).toBeGreaterThan(120)
  })

  test('are scraped where the server shows its metrics', async () => {
    const { port, path } = { port: annotations['prometheus.io/port'], path: annotations['prometheus.io/path'] }
    expect(Number(port)).toBe(container.ports[0]?.containerPort)
    expect(await (await fetch(`${app.url}${path}`)).text()).toContain('tureen_jobs{')
  })

  test('have the time that the server takes to stop', async () => {
    const { shutdownMilliseconds } = await deployedConfig(variablesOf(pod))
    const hook = Number(container.lifecycle?.preStop.exec.command[1] ?? 0)
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(hook + shutdownMilliseconds / 1000 + 2 + 5)
  })

  test('have room for the local files, and for no more', async () => {
    const { content } = await deployedConfig(variablesOf(pod))
    const { TUREEN_DATA } = await imageVariables()
    const mount = container.volumeMounts.find(({ mountPath }) => mountPath === TUREEN_DATA)
    const limits = spec.volumes.flatMap(each =>
      'emptyDir' in each ? [{ name: each.name, bytes: quantity(each.emptyDir.sizeLimit) }] : [],
    )
    const data = limits.find(each => each.name === mount?.name)?.bytes ?? 0
    expect(data).toBeGreaterThanOrEqual((content?.cacheBytes ?? Infinity) + 2 ** 30)
    const { requests, limits: most } = container.resources
    expect(quantity(requests['ephemeral-storage'])).toBeGreaterThanOrEqual(data)
    expect(quantity(most['ephemeral-storage'])).toBeGreaterThan(limits.reduce((sum, { bytes }) => sum + bytes, 0))
  })

  test('keep the rules of the Pod Security Standard `restricted`, with a root that is read only', () => {
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    for (const forbidden of ['hostNetwork', 'hostPID', 'hostIPC']) expect(spec).not.toHaveProperty(forbidden)
  })

  test('have an image with the version of this program', () => {
    expect(container.image).toBe('tureen')
    expect(example.images).toEqual([
      { name: 'tureen', newName: expect.stringMatching(/\/tureen$/), newTag: packageJson.version },
    ])
  })

  test('have an autoscaler and a budget of disruptions of their own', () => {
    const scaled = autoscalers.filter(({ spec: { scaleTargetRef: target } }) => target.name === name)
    expect(scaled.map(({ spec: { scaleTargetRef: target } }) => target)).toEqual([
      { apiVersion: 'apps/v1', kind: 'Deployment', name },
    ])
    for (const {
      spec: { minReplicas, maxReplicas },
    } of scaled)
      expect(maxReplicas).toBeGreaterThan(minReplicas)
    // An apply would set the number back.
    expect(each.spec).not.toHaveProperty('replicas')
    const budgets = of(disruptionBudget, 'PodDisruptionBudget').filter(budget =>
      selects(budget.spec.selector.matchLabels, labels),
    )
    expect(budgets.map(budget => budget.metadata.name)).toEqual([name])
  })
})

test('the limit of memory of a worker has room for all of its evaluators', async () => {
  const [pod] = worker ?? []
  if (!pod) throw new Error('no workers')
  const { jobs, evaluation } = await deployedConfig(variablesOf(pod))
  const { limits } = pod.container.resources
  const evaluatorsOfSearch = Math.floor(quantity(limits.cpu) / evaluation.threads)
  // Each search has that many evaluators, and so has a search of another worker. An evaluation has one, and so has a merge that measures
  // batch norms again.
  const evaluators = (jobs.concurrency + 1) * evaluatorsOfSearch + 2 * jobs.concurrency
  const server = 2 * 2 ** 30
  expect(quantity(limits.memory)).toBeGreaterThanOrEqual(server + evaluators * evaluation.memoryBytes)
})

test('the service leads to the servers for clients', () => {
  const [found] = of(service, 'Service')
  expect(deployments.filter(({ labels }) => selects(found?.spec.selector ?? {}, labels))).toEqual(api)
  expect(found?.spec.ports).toMatchObject([{ port: 80, targetPort: 'http' }])
})

describe('the network policies', () => {
  const policies = of(networkPolicy, 'NetworkPolicy')
  const ofPods = (labels: Record<string, string>) =>
    policies.filter(({ spec }) => selects(spec.podSelector.matchLabels, labels))

  test.each(deployments)('let $name be reached at the port of the server alone', ({ labels }) => {
    expect(ofPods(labels).flatMap(({ spec }) => spec.ingress.flatMap(({ ports }) => ports))).toEqual([{ port: 'http' }])
  })

  test.each(deployments)('let $name reach names, the database and the S3 server', async pod => {
    const ports = ofPods(pod.labels).flatMap(({ spec }) =>
      spec.egress.flatMap(each => each.ports.map(({ port }) => port)),
    )
    const { database } = await deployedConfig(variablesOf(pod))
    expect(ports).toEqual(expect.arrayContaining([53, Number(new URL(database?.url ?? '').port), 443]))
  })
})

describe('scaling by the queue', () => {
  test('adds a metric that the rule of the adapter makes from what servers show', async () => {
    const [{ value }] = addedMetric.parse(parse(await textOf('queue-depth', 'worker-autoscaling.yaml')))
    const { rules } = z
      .object({
        rules: z.object({
          external: z.array(
            z.object({ seriesQuery: z.string(), name: z.object({ as: z.string() }), metricsQuery: z.string() }),
          ),
        }),
      })
      .parse(parse(String(await projectFile('deploy/prometheus/adapter-rules.yaml'))))
    expect(rules.external.map(({ name }) => name.as)).toEqual([value.external.metric.name])
    const served = await servedSeries([])
    for (const { seriesQuery, metricsQuery } of rules.external) {
      expect(metricFaults(metricsQuery.replace('<<.LabelMatchers>>', 'namespace="tureen"'), served)).toEqual([])
      expect(metricUses(metricsQuery.replace(',<<.LabelMatchers>>', '')).map(({ metric }) => metric)).toEqual(
        metricUses(seriesQuery).map(({ metric }) => metric),
      )
    }
    const scaled = autoscalers.find(({ metadata }) => metadata.name === 'tureen-worker')
    expect(
      manifestFaults({ ...scaled, spec: { ...scaled?.spec, metrics: [...(scaled?.spec.metrics ?? []), value] } }),
    ).toEqual([])
  })
})

describe('kubectl', () => {
  const isMissing = spawnSync('kubectl', ['version', '--client']).error !== undefined
  test.skipIf(isMissing)(
    `makes the example of the same manifests${isMissing ? ' (skipped: kubectl is not installed)' : ''}`,
    () => {
      const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(projectRoot, root, 'example')], {
        encoding: 'utf8',
      })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const built = parseAllDocuments(stdout).map(document =>
        z.looseObject({ kind: z.string() }).parse(document.toJS()),
      )
      const checked = built.filter(({ kind }) => kind !== 'Secret' && kind !== 'ConfigMap')
      expect(checked.flatMap(each => manifestFaults(each))).toEqual([])
      expect(checked.length).toBe(manifests.length + 1)
      const scaled = built.filter(({ kind }) => kind === 'HorizontalPodAutoscaler').map(each => autoscaler.parse(each))
      expect(scaled.map(({ metadata, spec }) => [metadata.name, spec.metrics.map(({ type }) => type)])).toEqual([
        ['tureen-api', ['Resource']],
        ['tureen-worker', ['Resource', 'External']],
      ])
    },
  )
})
