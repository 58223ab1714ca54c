import fastifyPlugin from 'fastify-plugin'
import { changeMediaTypes } from '../../schemas/common.ts'
import { acceptJson } from './json-body.ts'

/** Plugin that reads merge patches (RFC 7396), as JSON of either media type. */
export const mergePatches = fastifyPlugin(async app => acceptJson(app, { types: changeMediaTypes }))
