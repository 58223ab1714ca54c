import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isClustered } from '../support/clustered.ts'
import { expectNothingKept, json, postSoup, readProblem, uploadModel } from '../support/http-client.ts'
import { converse } from '../support/raw-http.ts'
import { projectFile, startApp } from '../support/server.ts'

type App = Awaited<ReturnType<typeof startApp>>
let app: App
let model: Buffer<ArrayBuffer>
beforeAll(async () => {
  app = await startApp()
  model = await projectFile('examples/digits/ft0.onnx')
})
afterAll(() => app.close())

const broken = Buffer.from([0xff, 0xfe])
const surrogate = Buffer.from([0xed, 0xa0, 0x80])

describe('a query that is not UTF-8 is refused, and nothing is stored', () => {
  test.each([
    ['bytes that are no text', 'name=%ff%fe', 'name'],
    ['half of a surrogate pair', 'name=a%ed%a0%80b', 'name'],
    ['a text cut off', 'name=%e2%82', 'name'],
    ['a percent sign', 'name=100%', 'name'],
    ['a percent sign before other letters', 'name=%zz', 'name'],
    ['a label', 'name=a&label=run:%ff', 'label'],
    ['a key of a label', 'label=%c3%28:a', 'label'],
    ['a name of a parameter', '%ff=a', '%ff'],
  ])('%s', async (_, query, field) => {
    for (const path of ['models', 'datasets']) {
      const response = await fetch(`${app.url}/v1/${path}?${query}`, { method: 'POST', body: model })
      const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
      expect(errors).toMatchObject([{ field }])
    }
    await readProblem(await fetch(`${app.url}/v1/models?${query}`), 400, 'TUREEN_REQUEST_INVALID')
    await expectNothingKept(app)
  })

  test.each([
    ['in a query', Buffer.from('/v1/models?name=\u00e9')],
    ['in a path', Buffer.from('/v1/models/\u00e9')],
    ['that are not UTF-8 either', Buffer.concat([Buffer.from('/v1/models?name='), broken])],
  ])('as are bytes beyond ASCII %s', async (_, path) => {
    const said = [Buffer.from('GET '), path, Buffer.from(' HTTP/1.1\r\nhost: localhost\r\n\r\n')]
    const { status, body } = await converse(app.url, Buffer.concat(said))
    expect({ status, code: JSON.parse(body).code }).toEqual({ status: 400, code: 'TUREEN_REQUEST_INVALID' })
  })

  test('but any text that is, is kept as it is', async () => {
    // PostgreSQL stores no U+0000: test/cluster/schema.test.ts.
    const texts = ['\u00e9', '\u{1f372}', '\ufffd', 'a+b c', '100%', ...(isClustered() ? [] : ['\u0000'])]
    for (const text of texts) {
      const { id, name } = await uploadModel(app.url, model, `name=${encodeURIComponent(text)}`)
      expect(name).toBe(text)
      await fetch(`${app.url}/v1/models/${id}`, { method: 'DELETE' })
    }
  })
})

describe('a body of JSON', () => {
  const post = (body: string | Buffer<ArrayBuffer>) =>
    fetch(`${app.url}/v1/merges`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

  test.each([
    ['{"__proto__": {"a": 1}}', '__proto__'],
    ['{"\\u005f_proto__": 1}', '__proto__'],
    ['{"labels": {"a": "b", "__proto__": "c"}}', 'labels.__proto__'],
    ['{"rules": [{"parameters": {"__proto__": 1}}]}', 'rules.0.parameters.__proto__'],
    ['{"constructor": {"prototype": {"a": 1}}}', 'constructor'],
    ['{"name": "\\ud800"}', 'name'],
    ['{"labels": {"run": "a\\udc00b"}}', 'labels.run'],
    ['{"labels": {"\\udc00": "a"}}', 'labels.\ufffd'],
    ['{"rules": [{"match": "\\ud83c"}]}', 'rules.0.match'],
    ['["\\ud83c"]', '0'],
    ['"\\ud83c"', 'body'],
  ])('is refused, with the field: %s', async (body, field) => {
    const { errors, detail } = await readProblem(await post(body), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors.map(each => each.field)).toEqual([field])
    expect(detail).not.toMatch(/not JSON/)
  })

  test('that is not UTF-8 is refused, with the line', async () => {
    for (const bytes of [broken, surrogate, Buffer.from('\u00e9', 'latin1')]) {
      const body = Buffer.concat([Buffer.from('{"models": [],\n"name": "'), bytes, Buffer.from('"}')])
      const { detail } = await readProblem(await post(body), 400, 'TUREEN_BODY_MALFORMED')
      expect(detail).toMatch(/not UTF-8 \(line 2\)/)
    }
  })

  test('may begin with a byte order mark, and have pairs of surrogates', async () => {
    const { id } = await uploadModel(app.url, model)
    const body = `\ufeff{"models": [{"id": "${id}"}], "name": "\\ud83c\\udf72", "labels": {"constructor": "a"}}`
    const job = await json<{ labels: object; request: { name: string } }>(await post(body))
    expect(job).toMatchObject({ labels: { constructor: 'a' }, request: { name: '\u{1f372}' } })
  })
})

describe('a body of YAML', () => {
  const post = (body: string | Buffer<ArrayBuffer>) =>
    fetch(`${app.url}/v1/merges`, { method: 'POST', headers: { 'content-type': 'application/yaml' }, body })

  test.each([
    ['at the top', 'models: []\n__proto__: {a: 1}', '__proto__'],
    ['in quotes', '"__pr\\u006fto__": 1', '__proto__'],
    ['in labels', 'labels: {a: b, __proto__: c}', 'labels.__proto__'],
    ['in parameters', 'parameters: {__proto__: 1}', 'parameters.__proto__'],
    ['in a list', 'rules: [{match: a, __proto__: {}}]', 'rules.0.__proto__'],
    ['in a map that << brings', '<<: {__proto__: {a: 1}}', '__proto__'],
    ['in a map behind an anchor', 'labels: &a {__proto__: b}', 'labels.__proto__'],
    ['in a map that an alias brings', 'a: {b: &b {__proto__: 1}}\nlabels: {<<: *b}', 'labels.__proto__'],
    [
      'in a configuration of mergekit',
      'merge_method: linear\nmodels: [{model: a, __proto__: 1}]',
      'models.0.__proto__',
    ],
    ['as constructor', 'constructor: {prototype: {a: 1}}', 'constructor'],
    ['as constructor in labels', 'labels: {constructor: {a: 1}}', 'labels.constructor'],
    ['or half of a surrogate pair', 'name: "\\ud800"', 'name'],
  ])('is refused for __proto__ %s', async (_, body, field) => {
    const { errors } = await readProblem(await post(body), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors.map(each => each.field)).toEqual([field])
    const soup = await readProblem(await postSoup(app.url, [model], body), 400, 'TUREEN_REQUEST_INVALID')
    expect(soup.errors.map(each => each.field)).toEqual([`recipe.${field}`])
  })

  test('that is not UTF-8 is refused, with the line', async () => {
    const body = Buffer.concat([Buffer.from('models: []\nname: '), broken])
    expect((await readProblem(await post(body), 400, 'TUREEN_BODY_MALFORMED')).detail).toMatch(/line 2/)
  })
})

describe('a form', () => {
  /** A part with these headers, which no FormData would make. */
  const part = (disposition: (string | Buffer)[], content: Uint8Array, headers = '') =>
    Buffer.concat([
      Buffer.from('--B\r\ncontent-disposition: form-data; '),
      ...disposition.map(each => Buffer.from(each)),
      Buffer.from(`\r\n${headers}\r\n`),
      content,
      Buffer.from('\r\n'),
    ])
  const post = (path: string, ...parts: Buffer[]) =>
    fetch(`${app.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=B' },
      body: Buffer.concat([...parts, Buffer.from('--B--\r\n')]),
    })
  const modelPart = () => part(['name="model"; filename="a.onnx"'], model)

  test.each([
    ['a filename', () => part(['name="model"; filename="', broken, '"'], model)],
    ['a filename with half a surrogate pair', () => part(['name="model"; filename="', surrogate, '"'], model)],
    ['an encoded filename', () => part(['name="model"; filename*=UTF-8\'\'%ff.onnx'], model)],
    ['a name', () => part(['name="', broken, '"; filename="a.onnx"'], model)],
    ['a location', () => Buffer.concat([modelPart(), part(['name="data"; filename="w', broken, '"'], model)])],
    ['a field', () => Buffer.concat([modelPart(), part(['name="recipe"'], broken)])],
    [
      'a field of JSON',
      () => {
        const recipe = Buffer.concat([Buffer.from('{"a":"'), broken, Buffer.from('"}')])
        return Buffer.concat([modelPart(), part(['name="recipe"'], recipe, 'content-type: application/json\r\n')])
      },
    ],
    ['a file of text', () => Buffer.concat([modelPart(), part(['name="recipe"; filename="a.yml"'], broken)])],
  ])('with %s that is not UTF-8 is refused', async (_, body) => {
    const { detail } = await readProblem(await post('/v1/soup', body()), 400, 'TUREEN_BODY_MALFORMED')
    expect(detail).toMatch(/not UTF-8/)
  })

  test('with __proto__ in a recipe is refused, with the field', async () => {
    const response = await postSoup(app.url, [model], '{"labels": {"__proto__": "a"}}')
    const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'recipe.labels.__proto__' }])
  })
})

describe('a number in a query', () => {
  const forms = [
    '0x10',
    '%2016',
    '16%20',
    '1e1',
    '%2B5',
    '-5',
    '1_0',
    '0b11',
    '%EF%BC%91%EF%BC%96',
    '',
    'Infinity',
    'ten',
  ]

  test.each(forms)('is not %s', async text => {
    for (const [method, path] of [
      ['POST', `/v1/models?ttl=${text}`],
      ['PUT', `/v1/models?name=a&ttl=${text}`],
      ['POST', `/v1/datasets?ttl=${text}`],
      ['GET', `/v1/models?limit=${text}`],
      ['GET', `/v1/jobs?limit=${text}`],
      ['GET', `/v1/jobs/none?wait=${text}`],
      ['POST', `/v1/merges?wait=${text}`],
    ] as const) {
      const body = method === 'GET' ? {} : { body: path.includes('merges') ? '{"models": [{"id": "a"}]}' : model }
      const headers = path.includes('merges') ? { 'content-type': 'application/json' } : {}
      const response = await fetch(`${app.url}${path}`, { method, headers, ...body })
      const { errors } = await readProblem(response, 400, 'TUREEN_REQUEST_INVALID')
      expect({ path, errors }).toMatchObject({
        path,
        errors: [
          { field: expect.stringMatching(/^(ttl|limit|wait)$/), message: expect.stringMatching(/decimal digits/) },
        ],
      })
    }
  })

  test('is decimal digits', async () => {
    const { createdAt, expiresAt } = await json<{ createdAt: string; expiresAt: string }>(
      await fetch(`${app.url}/v1/models?name=number&ttl=0016`, { method: 'POST', body: model }),
    )
    expect(Math.round((Date.parse(expiresAt) - Date.parse(createdAt)) / 1000)).toBe(16)
    expect((await fetch(`${app.url}/v1/models?limit=1`)).status).toBe(200)
    expect((await fetch(`${app.url}/v1/jobs/none?wait=0.5`)).status).toBe(404)
    expect((await fetch(`${app.url}/v1/models?limit=1.5`)).status).toBe(400)
  })
})
