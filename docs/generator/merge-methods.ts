import { parameterSchema } from '../../src/http/method-parameters.ts'
import { methods, type RegisteredMethod } from '../../src/merge/methods/merge-method-registry.ts'
import { code, page, table } from './markdown.ts'
import { parameterTable } from './parameters.ts'

const bases = { none: 'not used', optional: 'optional', required: 'required' } as const

function modelsOf({ min, max }: RegisteredMethod['models']): string {
  if (max === null) return `${min} or more`
  return min === max ? String(min) : `${min} to ${max}`
}

function normalizeOf({ weights, normalize }: RegisteredMethod): string {
  if (!weights) return 'The models have no weights.'
  if (normalize === null) return 'The models have weights. `normalize` does not apply.'
  return `The models have weights. \`normalize\` is ${normalize} by default.`
}

function section(method: RegisteredMethod): string {
  return [
    `## ${method.name}`,
    `${method.description}.`,
    `    ${method.formula}`,
    [
      `- Models: ${modelsOf(method.models)}. Base: ${bases[method.base]}.`,
      `- ${normalizeOf(method)}`,
      ...(method.fisher ? ['- Each model needs its Fisher information.'] : []),
      `- Source: ${method.source}`,
    ].join('\n'),
    parameterTable(parameterSchema(method)),
  ].join('\n\n')
}

/** Returns the page of all merge methods, with formula, models, base, weights, parameters and source. */
export function mergeMethodsPage(): string {
  const all = [...methods.values()]
  return page(
    'Merge methods',
    '`"method"` names how the models are merged, and `"parameters"` its settings. `GET /v1/methods` lists the same as JSON.',
    '`x_i` is model i, `w_i` its weight, `b` the base, and `d_i = x_i - b` the change that model i made to the base. All arithmetic is in ' +
      'binary64 and is rounded once. `src/merge/methods/FORMULAS.md` fixes the order of every operation.',
    'A parameter that is a number may also be a gradient, unless it must be whole: `{"gradient": [0, 0.5, 1]}`.',
    table(
      ['merge method', 'models', 'base', 'meaning'],
      all.map(method => [
        `[${code(method.name)}](#${method.name})`,
        modelsOf(method.models),
        bases[method.base],
        `${method.description}.`,
      ]),
    ),
    ...all.map(section),
  )
}
