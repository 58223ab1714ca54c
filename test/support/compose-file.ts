import { parse } from 'yaml'
import { z } from 'zod'
import { projectFile } from './server.ts'

const variables = z.record(z.string(), z.string())
const healthcheck = z.strictObject({
  test: z.tuple([z.literal('CMD')]).rest(z.string()),
  interval: z.string(),
  timeout: z.string(),
  start_period: z.string(),
})
const service = z.strictObject({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: variables.default({}),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).default({}),
  deploy: z.strictObject({ replicas: z.number() }).optional(),
  healthcheck: healthcheck.optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  tmpfs: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  pids_limit: z.number().optional(),
  stop_grace_period: z.string().default('10s'),
  restart: z.literal('unless-stopped'),
})
const file = z.looseObject({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
})

/** One service of a Compose file. */
export type ComposeService = z.infer<typeof service>

/** A variable that the user of a Compose file must set. */
const required = /\$\{(\w+):\?\}/g

/**
 * Reads a Compose file, with YAML's merge keys. It refuses fields that this project does not use.
 * @param values of the variables that the user must set
 */
export async function readCompose(path: string, values: Record<string, string>) {
  const text = String(await projectFile(path))
  const filled = text.replaceAll(required, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${path} needs ${name}`)
    return value
  })
  return {
    ...file.parse(parse(filled, { merge: true })),
    required: new Set([...text.matchAll(required)].map(each => each[1])),
  }
}
