import { writeFile } from 'node:fs/promises'
import { openApiDocument } from '../../docs/generator/openapi-document.ts'
import { commandLine } from '../../src/command-line.ts'
import { pythonTypes } from './python-types.ts'

/** npm run build:python-types: writes clients/python/tureen/api_types.py from the OpenAPI document. */
commandLine('usage: npm run build:python-types').parse({ options: {} })
await writeFile(new URL('../python/tureen/api_types.py', import.meta.url), pythonTypes(await openApiDocument()))
