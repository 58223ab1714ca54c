/** A request body of at most 1 MiB that costs much more to handle than to send. */
export type CostlyBody = readonly [name: string, body: string, type?: string]

/** Fields for all routes that start jobs. Each route gets all fields and uses its own. */
export type Subjects = { models: readonly [string, string]; dataset: string }

const megabyte = 1_000_000
const yaml = 'application/yaml'

function repeated<Value>(count: number, value: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => value(index))
}

function map<Value>(count: number, value: (index: number) => Value, key = 'k'): Record<string, Value> {
  return Object.fromEntries(repeated(count, index => [`${key}${index}`, value(index)]))
}

function nested(opening: string, closing: string, depth: number): string {
  return `${opening.repeat(depth)}1${closing.repeat(depth)}`
}

/**
 * Bodies for one route.
 * @param request one that the route takes, and that costs little
 */
export function costlyBodies(request: Record<string, unknown>, { models: [a, b] }: Subjects): CostlyBody[] {
  const json = (changes: object) => JSON.stringify({ ...request, ...changes })
  const withText = (field: string, text: string) => `${JSON.stringify(request).slice(0, -1)},"${field}":${text}}`
  const gradient = (points: number, value: unknown = 1) => ({ gradient: repeated(points, () => value) })
  const rule = { match: '*', skip: true }
  const mergekit = (changes: object) => JSON.stringify({ merge_method: 'linear', models: [{ model: a }], ...changes })
  return [
    ['the request itself', json({})],
    ['60,000 bad labels', json({ labels: map(60_000, () => 'v', '!') })],
    ['11,000 labels', json({ labels: map(11_000, () => 'v') })],
    ['28,000 labels', json({ labels: map(28_000, () => 'v') })],
    ['28,000 labels that are numbers', json({ labels: map(28_000, Number) })],
    ['64 long labels', json({ labels: map(64, () => 'v'.repeat(15_000)) })],
    ['500,000 open lists', '['.repeat(500_000)],
    ['nested lists', nested('[', ']', 499_000)],
    ['nested objects', nested('{"a":', '}', 160_000)],
    ['nested lists in a field', withText('labels', nested('[', ']', 490_000))],
    ['nested parameters', withText('parameters', `{"t":${nested('{"gradient":[', ']}', 60_000)}}`)],
    ['100,000 rules', withText('rules', `[${repeated(100_000, () => '{}').join(',')}]`)],
    ['14,000 rules', json({ rules: repeated(14_000, () => rule) })],
    ['256 rules', json({ rules: repeated(256, () => ({ match: '*'.repeat(200), weights: repeated(100, () => 1) })) })],
    [
      '256 rules of bad weights',
      json({ rules: repeated(256, () => ({ match: '*', weights: repeated(100, () => '') })) }),
    ],
    ['256 rules of unknown fields', json({ rules: repeated(256, () => map(100, Number)) })],
    [
      '256 rules of gradients',
      json({ rules: repeated(256, () => ({ match: '*', parameters: { t: gradient(100) } })) }),
    ],
    ['long globs', json({ rules: repeated(256, () => ({ ...rule, match: '*a'.repeat(1_900) })) })],
    ['a megabyte of one string', JSON.stringify('x'.repeat(megabyte))],
    ['escaped characters', withText('name', `"${'\\u0041'.repeat(160_000)}"`)],
    ...['name', 'method', 'base', 'target', 'output', 'x'.repeat(1_000)].map(
      (field): CostlyBody => [`a megabyte as ${field.slice(0, 8)}`, json({ [field]: 'x'.repeat(megabyte - 10_000) })],
    ),
    ['an unknown field of a megabyte', json({ ['x'.repeat(megabyte - 10_000)]: 1 })],
    ['28,000 unknown fields', json(map(28_000, Number, 'unknown'))],
    ['3,000 long unknown fields', json(map(3_000, Number, 'y'.repeat(300)))],
    ['a huge number', withText('ttl', '9'.repeat(megabyte - 10_000))],
    ['28,000 huge numbers', withText('rules', `[${repeated(28_000, () => '9'.repeat(30)).join(',')}]`)],
    ['1,024 times one model', json({ models: repeated(1_024, () => ({ id: a })) })],
    ['32 times one model', json({ models: repeated(32, () => ({ id: a })) })],
    ['14,000 models', json({ models: repeated(14_000, () => ({ id: a })) })],
    ['1,024 models of unknown fields', json({ models: repeated(1_024, () => map(24, Number)) })],
    ['1,024 gradients', json({ models: repeated(1_024, index => ({ id: [a, b][index % 2], weight: gradient(24) })) })],
    ['1,024 bad gradients', json({ models: repeated(1_024, () => ({ id: a, weight: gradient(24, 'x') })) })],
    ['1,024 long gradients', json({ models: repeated(1_024, () => ({ id: a, weight: gradient(256) })) })],
    ['one gradient of 28,000 points', json({ models: [{ id: a, weight: gradient(28_000) }, { id: b }] })],
    ['28,000 parameters', json({ method: 'slerp', parameters: map(28_000, Number) })],
    ['a parameter of 28,000 numbers', json({ method: 'slerp', parameters: { t: repeated(28_000, () => 1) } })],
    [
      'gradients of every length',
      json({
        method: 'ties',
        base: a,
        parameters: { density: repeated(240, index => gradient((index % 120) + 2, 0.5)) },
      }),
    ],
    [
      'gradients of every length in rules',
      json({
        method: 'ties',
        base: a,
        rules: repeated(120, index => ({ match: '*', parameters: { density: gradient(index + 2, 0.5) } })),
        parameters: { lambda: gradient(256) },
      }),
    ],
    ['28,000 notes', json({ notes: repeated(28_000, () => 'a') })],
    ['1,900 long notes', json({ notes: repeated(1_900, () => 'a'.repeat(510)) })],
    ['28,000 metrics', json({ metrics: repeated(28_000, () => 'a') })],
    [
      '32 metrics of unknown parameters',
      json({ metrics: repeated(32, () => ({ name: 'topK', ...map(800, Number) })) }),
    ],
    ['28,000 inputs', json({ inputs: map(28_000, () => 'x') })],
    ['28,000 labels to select by', json({ models: { label: repeated(28_000, () => 'a:b') } })],
    ['64 labels to select by', json({ models: { label: repeated(64, index => `k${index}:${'x'.repeat(256)}`) } })],
    ['28,000 groups', json({ strategy: { type: 'cmaEs', groups: repeated(28_000, () => '*') } })],
    ['9,000 searched parameters', json({ strategy: { type: 'cmaEs', parameters: map(9_000, () => [0, 1]) } })],
    ['28,000 fields of a strategy', json({ strategy: map(28_000, Number, 'type') })],
    ['mergekit: 1,024 times one model', mergekit({ models: repeated(1_024, () => ({ model: a })) })],
    ['mergekit: 1,024 names', mergekit({ models: repeated(1_024, index => ({ model: `m${index}` })) })],
    ['mergekit: 28,000 parameters', mergekit({ parameters: map(28_000, Number) })],
    [
      'mergekit: filters',
      mergekit({
        models: repeated(36, index => ({
          model: `m${index}`,
          parameters: { weight: repeated(256, each => ({ filter: `f${each}`, value: 1 })) },
        })),
      }),
    ],
    [
      'mergekit: bad filters',
      mergekit({ models: repeated(36, () => ({ model: a, parameters: { weight: repeated(256, () => ({ f: 1 })) } })) }),
    ],
    [
      'mergekit: gradients',
      mergekit({
        base_model: a,
        models: repeated(100, index => ({ model: `m${index}`, parameters: { weight: repeated(256, () => 1) } })),
      }),
    ],
    ['mergekit: unknown keys', mergekit(map(28_000, Number))],
    ['mergekit: slices', mergekit({ slices: repeated(9_000, () => ({ sources: [] })) })],
    ['mergekit: tokens', mergekit({ tokenizer: { tokens: map(28_000, Number) } })],
    ['YAML: nested lists', `a: ${nested('[', ']', 60_000)}`, yaml],
    ['YAML: nested blocks', `${'- '.repeat(60_000)}a`, yaml],
    ['YAML: nested keys', `${'? '.repeat(60_000)}`, yaml],
    ['YAML: nested maps', repeated(500, index => `${' '.repeat(index)}a:`).join('\n'), yaml],
    ['YAML: 8,000 bad labels', `labels:\n${repeated(8_000, index => ` "!${index}": v`).join('\n')}`, yaml],
    ['YAML: aliases', `a: &a [${'x,'.repeat(20_000)}]\nb: [${'*a,'.repeat(15)}]`, yaml],
    [
      'YAML: aliases of aliases',
      repeated(20, i => `a${i}: &a${i} [${repeated(9, () => (i ? `*a${i - 1}` : 'x')).join(',')}]`).join('\n'),
      yaml,
    ],
    [
      'YAML: merged keys',
      `base: &b {${repeated(3_000, i => `k${i}: 1`).join(', ')}}\n${repeated(15, i => `m${i}: {<<: *b}`).join('\n')}`,
      yaml,
    ],
    ['YAML: 28,000 numbers', `merge_method: linear\nmodels: [${repeated(28_000, () => '1').join(', ')}]`, yaml],
    ['YAML: escapes', `a: "${'\\x41'.repeat(30_000)}"`, yaml],
    ['YAML: anchors', repeated(10_000, i => `- &a${i} x`).join('\n'), yaml],
    ['YAML: too long', `a: ${'x'.repeat(200_000)}`, yaml],
  ]
}
