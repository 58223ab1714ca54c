import type { FastifyError, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../error-catalogue.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { formLimits } from './upload.ts'

/** Meaning of an error of Fastify or one of its plugins. */
type Translation = { code: ErrorCode; detail: string; cause: ProblemItem }

const translations: Record<string, (request: FastifyRequest) => Translation> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: request => wrongMediaType(request),
  FST_ERR_CTP_BODY_TOO_LARGE: request => tooLargeText(request),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ({ headers }) => ({
    code: 'TUREEN_BODY_MALFORMED',
    detail: 'The body does not have the length that the header content-length says. Send the whole body.',
    cause: {
      field: 'content-length',
      expected: `${headers['content-length']} bytes`,
      message: 'is not the length of the body',
    },
  }),
  FST_PROTO_VIOLATION: () => ({
    code: 'TUREEN_BODY_MALFORMED',
    detail:
      'A form field has a name that objects of JavaScript have already, such as __proto__ or constructor. Rename it.',
    cause: { field: 'body', message: 'has a form field with a name that objects of JavaScript have already' },
  }),
  FST_PARTS_LIMIT: () => tooMany('parts', formLimits.parts),
  FST_FILES_LIMIT: () => tooMany('files', formLimits.files),
  FST_FIELDS_LIMIT: () => tooMany('fields', formLimits.parts),
  FST_MP_PREMATURE_CLOSE: () => ({
    code: 'TUREEN_BODY_MALFORMED',
    detail: 'The form ends before its last part does. Nothing was kept. Send it again.',
    cause: { field: 'body', expected: 'multipart/form-data', message: 'ends before its last part does' },
  }),
  FST_STATIC_FORBIDDEN_PATH: request => nothing(request),
  FST_ERR_BAD_URL: ({ url }) => ({
    code: 'TUREEN_REQUEST_INVALID',
    detail: 'The path is not a valid URL path. Encode its UTF-8 bytes, such as %25 for a percent sign.',
    cause: { field: 'path', expected: 'percent-encoded UTF-8', actual: url, message: 'is not a valid URL path' },
  }),
}

function nothing({ url }: FastifyRequest): Translation {
  const [path = ''] = url.split('?')
  return {
    code: 'TUREEN_NOT_FOUND',
    detail: `There is nothing at ${path}. GET /docs lists what there is.`,
    cause: { field: 'path', actual: path, message: 'there is nothing here' },
  }
}

function tooLargeText({ routeOptions: { bodyLimit } }: FastifyRequest): Translation {
  const limit = `${bodyLimit / 2 ** 20} MiB`
  return {
    code: 'TUREEN_TOO_LARGE',
    detail: `The body has more than ${limit} of JSON or YAML. Send less.`,
    cause: { field: 'body', expected: `${limit} at most`, message: `has more than ${limit}` },
  }
}

function wrongMediaType({ headers, routeOptions: { config, schema } }: FastifyRequest): Translation {
  const types = config.streamedBody ? Object.keys(config.streamedBody) : (schema?.consumes ?? ['application/json'])
  const expected = types.join(' or ')
  const actual = headers['content-type'] ?? ''
  const corrected = withSemicolon(actual)
  if (corrected !== undefined)
    return {
      code: 'TUREEN_UNSUPPORTED_MEDIA_TYPE',
      detail: `The content type ${actual} lacks the semicolon before its parameter. Send the header content-type: ${corrected}.`,
      cause: { field: 'content-type', expected: corrected, actual, message: 'lacks a semicolon' },
    }
  return {
    code: 'TUREEN_UNSUPPORTED_MEDIA_TYPE',
    detail: `The body has ${actual ? `the content type ${actual}` : 'no content type'}. Send the header content-type: ${expected}.`,
    cause: { field: 'content-type', expected, actual, message: `is not ${expected}` },
  }
}

/** Returns a content type with the semicolon that it lacks before its first parameter; undefined if it lacks none. */
function withSemicolon(contentType: string): string | undefined {
  const [, type, parameters] = /^([^\s;,]+\/[^\s;,]+)[\s,]+([\w-]+=.*)$/.exec(contentType) ?? []
  return parameters === undefined ? undefined : `${type}; ${parameters}`
}

function tooMany(what: 'parts' | 'files' | 'fields', most: number): Translation {
  const limit = `${most.toLocaleString('en')} ${what}`
  return {
    code: 'TUREEN_TOO_LARGE',
    detail: `The form has more than ${limit}. Nothing was kept. Send fewer.`,
    cause: { field: 'body', expected: `${limit} at most`, message: `has more than ${limit}` },
  }
}

function refused({ code, detail, cause }: Translation, options?: ErrorOptions): TureenError {
  return new TureenError(code, detail, [cause], options)
}

/** Returns an error of Fastify or one of its plugins as an error of the catalogue; undefined for other errors. */
export function ofFastify(error: FastifyError, request: FastifyRequest): TureenError | undefined {
  const translate = translations[error.code]
  return translate && refused(translate(request), { cause: error })
}

/** Returns the refusal of a request for an unknown path. */
export function nothingAt(request: FastifyRequest): TureenError {
  return refused(nothing(request))
}
