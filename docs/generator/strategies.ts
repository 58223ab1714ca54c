import { z } from 'zod'
import { strategy } from '../../schemas/strategy.ts'
import { page } from './markdown.ts'
import { parameterTable } from './parameters.ts'

/** Returns the page of all search strategies, with the parameters that requests take. */
export function strategiesPage(): string {
  const sections = strategy.options.map(option => {
    const [name] = option.shape.type.values
    const { description, ...schema } = z.toJSONSchema(option, { io: 'input' })
    return [`## ${name}`, `${description}.`, parameterTable(schema, ['type'])].join('\n\n')
  })
  return page(
    'Search strategies',
    '`"strategy": {"type": "greedy"}` in a search chooses how candidates are proposed. All strategies score candidates on the same data set, and ' +
      'return the best one.',
    ...sections,
  )
}
