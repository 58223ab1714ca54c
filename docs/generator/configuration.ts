import { z } from 'zod'
import { environment } from '../../src/configuration/environment.ts'
import { code, page, table } from './markdown.ts'

/** Variables whose defaults depend on the machine. The page leaves these defaults out. */
const machineDefaults = new Set(['TUREEN_JOBS'])

/** Returns the page of all environment variables of the server, with default and meaning. */
export function configurationPage(): string {
  const { properties = {} } = z.toJSONSchema(environment, { io: 'output', unrepresentable: 'any' })
  const rows = Object.entries(properties).map(([name, schema]) => {
    const { default: standard, description = '' } = Object(schema)
    const isFixed = standard !== undefined && !Array.isArray(standard) && !machineDefaults.has(name)
    return [code(name), isFixed ? code(String(standard)) : '', description]
  })
  return page(
    'Configuration',
    'The server reads environment variables once, when it starts. It does not start if a value is not valid, or if a variable begins with ' +
      '`TUREEN_` and is not in this table. The message names the most similar variable. An empty variable counts as not set.',
    table(['variable', 'default', 'meaning'], rows),
  )
}
