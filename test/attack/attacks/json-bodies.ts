/** JSON of at most 1 MB that costs whoever reads it carelessly. `id`: a model that is there. */

const most = 999_500
const repeat = (item: string, count: number) => Array.from({ length: count }, () => item).join()
/** As many copies of an item with a number in it as fit. */
const numbered = (item: (index: number) => string, before: number) => {
  const items: string[] = []
  for (let index = 0, length = before; ; index += 1) {
    const text = item(index)
    length += text.length + 1
    if (length > most) return items.join()
    items.push(text)
  }
}
const models = (id: string) => `"models":[{"id":"${id}"},{"id":"${id}"}]`
const gradient = (points: number) => `{"gradient":[${repeat('0.5', points)}]}`

/** Bodies that are refused. */
export const jsonBodies = (id: string): Record<string, string> => {
  const merge = (more: string) => `{${models(id)},${more}}`
  return {
    '60,000 labels that are none': merge(`"labels":{${numbered(index => `"${index} !":1`, 100)}}`),
    'labels that are too many': merge(`"labels":{${numbered(index => `"k${index}":"v"`, 100)}}`),
    'labels that are too long': merge(`"labels":{${repeat(`"k":"${'v'.repeat(10_000)}"`, 90)}}`),
    '11,000 labels in a selection': `{"models":{"label":[${repeat('"a:b"', 11_000)}]}}`,
    'labels in a selection that are none': `{"models":{"label":[${numbered(index => `"${index}"`, 100)}]}}`,
    '500,000 lists inside each other': '['.repeat(500_000),
    'lists inside each other, closed': '['.repeat(490_000) + ']'.repeat(490_000),
    'maps inside each other': '{"a":'.repeat(150_000),
    'maps inside each other, closed': `${'{"a":'.repeat(140_000)}1${'}'.repeat(140_000)}`,
    'lists inside each other in a parameter': merge(`"parameters":{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`),
    'lists and maps in turn': '[{"a":'.repeat(120_000),
    'lists beside each other': merge(`"rules":[${repeat('[]', 300_000)}]`),
    'maps beside each other': merge(`"rules":[${repeat('{}', 300_000)}]`),
    'models that are none': `{"models":[${repeat('0', 490_000)}]}`,
    'models without an id': `{"models":[${repeat('{}', 330_000)}]}`,
    'more models than may be': `{"models":[${repeat(`{"id":"${id}"}`, 20_000)}]}`,
    'as many models as may be, all unknown': `{"models":[${numbered(index => `{"id":"x${index}"}`, 970_000)}]}`,
    'as many models as may be, with gradients': `{"models":[${repeat(`{"id":"x","weight":${gradient(200)}}`, 1_000)}]}`,
    'gradients that are too long': `{"models":[{"id":"${id}","weight":${gradient(240_000)}}]}`,
    'gradients that are no numbers': merge(
      `"rules":[${repeat(`{"match":"*","weights":[{"gradient":[${repeat('"a"', 200)}]}]}`, 200)}]`,
    ),
    'gradients in parameters': merge(`"method":"ties","parameters":{"density":${gradient(240_000)}}`),
    '100,000 parameters': merge(`"parameters":{${numbered(index => `"p${index}":1`, 100)}}`),
    '100,000 fields that there are not': merge(numbered(index => `"f${index}":1`, 100)),
    'one field with a long name': merge(`"${'n'.repeat(980_000)}":1`),
    'fields nearly named as others': merge(numbered(index => `"model${index}":1`, 100)),
    'rules that are too many': merge(`"rules":[${repeat('{"match":"*","skip":true}', 35_000)}]`),
    'rules whose weights are too many': merge(
      `"rules":[${repeat(`{"match":"*","weights":[${repeat('1', 1_900)}]}`, 250)}]`,
    ),
    'a long glob': merge(`"rules":[{"match":"${'*a'.repeat(480_000)}","skip":true}]`),
    'notes that are too many': merge(`"notes":[${repeat('"a"', 240_000)}]`),
    'a method with a long name': merge(`"method":"${'m'.repeat(980_000)}"`),
    'one long text': `"${'a'.repeat(990_000)}"`,
    'one long text of escapes': `"${'\\u0041'.repeat(160_000)}"`,
    'a long name': merge(`"name":"${'\\"'.repeat(480_000)}"`),
    'a long number': merge(`"blocks":${'9'.repeat(980_000)}`),
    'a long fraction': merge(`"blocks":0.${'1'.repeat(980_000)}`),
    'numbers beyond all bounds': `{"models":[{"id":"${id}","weight":{"gradient":[${repeat('1e999', 160_000)}]}}]}`,
    spaces: `${' '.repeat(990_000)}x`,
    'one key again and again': `{${repeat('"models":[]', 80_000)}}`,
    '__proto__ again and again': `{${repeat('"__proto__":{}', 60_000)}}`,
    'no JSON after a megabyte': `[${repeat('1', 490_000)}`,
    'a search with many settings': `{${models(id)},"strategy":{"type":"cmaEs","groups":[${repeat('"*"', 240_000)}]},"selection":{"dataset":"x","metric":"mse"}}`,
    'a search with many parameters': `{${models(id)},"strategy":{"type":"cmaEs","parameters":{${numbered(index => `"p${index}":[0,1]`, 200)}}},"selection":{"dataset":"x","metric":"mse"}}`,
    'an evaluation with many inputs': `{"model":"${id}","dataset":"x","inputs":{${numbered(index => `"i${index}":"x"`, 100)}},"metrics":["mse"]}`,
    'an evaluation with many metrics': `{"model":"${id}","dataset":"x","metrics":[${repeat('"mse"', 160_000)}]}`,
    'an evaluation with metrics that are none': `{"model":"${id}","dataset":"x","metrics":[${repeat('{"name":"nse","a":1}', 45_000)}]}`,
  }
}

/** Documents in YAML that are refused. */
export const yamlBodies = (id: string): Record<string, string> => {
  const levels = 'abcdefghi'
  const laughs = [...levels]
    .map((level, at) => `${level}: &${level} [${repeat(at === 0 ? 'ha' : `*${levels[at - 1]}`, 10)}]`)
    .join('\n')
  const start = `models: [{id: ${id}}]\n`
  return {
    'a billion laughs': `${laughs}\n`,
    'laughs as maps that are brought together': `a: &a {x: 1}\n${[...levels.slice(1)].map((level, at) => `${level}: &${level} {<<: [${repeat(`*${levels[at]}`, 10)}]}`).join('\n')}\n`,
    'an alias again and again': `a: &a {x: 1}\nb: [${repeat('*a', 200_000)}]\n`,
    'an alias of itself': 'a: &a [*a]\n',
    'lists inside each other': '['.repeat(500_000),
    'maps inside each other': '{a: '.repeat(200_000),
    'lists inside each other in lines': '- '.repeat(400_000),
    'maps in lines': Array.from({ length: 1_300 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
    'keys that are too many': `${start}labels: {${numbered(index => `k${index}: v`, 100)}}\n`,
    anchors: numbered(index => `a${index}: &x${index} 1`, 0).replaceAll(',', '\n'),
    tags: `a: ${'!!str '.repeat(100_000)}x\n`,
    documents: '---\n'.repeat(200_000),
    comments: `${'#\n'.repeat(400_000)}a: 1\n`,
    'a long text in quotes': `a: "${'x '.repeat(480_000)}"\n`,
    'a text in many lines': `a: |\n${' x\n'.repeat(300_000)}`,
    'a plain text in many lines': `a: x\n${' x\n'.repeat(300_000)}`,
    'keys that are lists': '? [a]\n'.repeat(100_000),
    tabs: '\t'.repeat(900_000),
    'a list of many numbers': `a: [${repeat('1', 450_000)}]\n`,
    'mergekit with many models': `merge_method: linear\nmodels:\n${repeat(`- {model: ${id}}`, 20_000).replaceAll(',-', '\n-')}\n`,
    'mergekit with long filters': `merge_method: linear\nmodels: [{model: ${id}}]\nparameters: {weight: [${repeat('{filter: abc, value: 1}', 35_000)}]}\n`,
  }
}
