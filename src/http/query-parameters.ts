import fastifyPlugin from 'fastify-plugin'
import { z } from 'zod'
import { TureenError } from '../errors.ts'

/** Makes routes of the API refuse query parameters if they declare none. Ignored parameters would mislead clients. */
export const declaredQueries = fastifyPlugin(async app => {
  app.addHook('onRoute', ({ url, schema }) => {
    if (!schema || schema.hide || !url.startsWith('/v1/')) return
    schema.querystring ??= z.strictObject({})
  })
})

/** Refuses addresses that are not percent-encoded UTF-8, which the parser would leave undecoded or change. */
export const encodedQueries = fastifyPlugin(async app => {
  app.addHook('preValidation', async ({ raw: { url = '' } }) => {
    if (!/^[\x21-\x7e]*$/.test(url)) throw notEncoded('path or query', url, 'has characters beyond ASCII')
    const query = /\?(.*)$/s.exec(url)?.[1] ?? ''
    for (const parameter of query.split('&')) {
      const [name = '', ...value] = parameter.split('=')
      if (!isEncoded(parameter)) throw notEncoded(name, value.join('='), `is not percent-encoded UTF-8: ${parameter}`)
    }
  })
})

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function notEncoded(field: string, actual: string, message: string): TureenError {
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `In the address, ${field} ${message}. Encode the UTF-8 bytes of the text, such as %C3%A9 for \u00e9 and %25 for a percent sign.`,
    [{ field, expected: 'percent-encoded UTF-8', actual, message }],
  )
}
