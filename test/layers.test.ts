import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectRoot } from './support/server.ts'

type Violation = { rule: { name: string; severity: string }; from: string; to: string }

/** A file that breaks the rule, and how that must be said: which rule, and what it may not import. */
type Planted = readonly [what: string, file: string, content: string, rule: RegExp, to: RegExp]

const planted: readonly Planted[] = [
  [
    'an import of a higher layer',
    'src/onnx/planted.ts',
    "import { createJobCommands } from '../jobs/job-commands.ts'\nexport const planted = createJobCommands\n",
    /^src\/onnx imports no higher layer/,
    /^src\/jobs\/job-commands\.ts$/,
  ],
  [
    'an import of nothing but a type',
    'src/tensor/planted.ts',
    "import type { MergePlan } from '../merge/merge-plan.ts'\nexport type Planted = MergePlan\n",
    /^src\/tensor imports no higher layer/,
    /^src\/merge\/merge-plan\.ts$/,
  ],
  [
    'a type among imported values',
    'src/tensor/planted-inline.ts',
    "import { type Layout } from '../onnx/layout.ts'\nexport type Planted = Layout\n",
    /^src\/tensor imports no higher layer/,
    /^src\/onnx\/layout\.ts$/,
  ],
  [
    'an export from a higher layer',
    'src/merge/planted-export.ts',
    "export * from '../threads/thread-pool.ts'\n",
    /^src\/merge.* imports no higher layer/,
    /^src\/threads\/thread-pool\.ts$/,
  ],
  [
    'an import when it runs',
    'src/onnx/planted-dynamic.ts',
    "export const planted = () => import('../storage/content/content-files.ts')\n",
    /^src\/onnx imports no higher layer/,
    /^src\/storage\/content\/content-files\.ts$/,
  ],
  [
    'an import for its effects',
    'src/models/planted.ts',
    "import '../http/openapi.ts'\n",
    /^src\/models.* imports no higher layer/,
    /^src\/http\/openapi\.ts$/,
  ],
  [
    'a service that imports a route',
    'src/jobs/planted.ts',
    "import routes from '../../routes/models.ts'\nexport const planted = routes\n",
    /^src\/jobs.* imports no higher layer/,
    /^routes\/models\.ts$/,
  ],
  [
    'a route that imports the composition root',
    'routes/planted.ts',
    "import { createApp } from '../src/app.ts'\nexport const planted = createApp\n",
    /^routes imports no higher layer/,
    /^src\/app\.ts$/,
  ],
  ...[
    ['node:fs', 'src/merge/planted-files.ts'],
    ['fs/promises', 'src/onnx/planted-files.ts'],
    ['node:worker_threads', 'src/tensor/planted-threads.ts'],
    ['node:sqlite', 'src/merge/planted-database.ts'],
    ['node:child_process', 'src/onnx/planted-process.ts'],
    ['node:timers/promises', 'src/merge/planted-time.ts'],
  ].map(
    ([module = '', file = '']): Planted => [
      `the pure core reaching outside by ${module}`,
      file,
      `import * as outside from '${module}'\nexport const planted = outside\n`,
      /touch nothing outside$/,
      new RegExp(`^(node:)?${module.replace('node:', '')}$`),
    ],
  ),
  [
    'the pure core reaching outside when it runs',
    'src/merge/planted-files-dynamic.ts',
    "export const planted = () => import('node:fs')\n",
    /touch nothing outside$/,
    /^(node:)?fs$/,
  ],
  [
    'onnxruntime outside the evaluator child',
    'src/merge/planted-runtime.ts',
    "import { InferenceSession } from 'onnxruntime-node'\nexport const planted = InferenceSession\n",
    /^only the evaluator child imports onnxruntime-node$/,
    /onnxruntime-node/,
  ],
  [
    "nothing but onnxruntime's types outside the evaluator child",
    'src/jobs/planted-runtime.ts',
    "import type { InferenceSession } from 'onnxruntime-node'\nexport type Planted = InferenceSession\n",
    /^only the evaluator child imports onnxruntime-node$/,
    /onnxruntime-node/,
  ],
  [
    'a schema that imports more than zod',
    'schemas/planted.ts',
    "import { errorCatalogue } from '../src/error-catalogue.ts'\nexport const planted = errorCatalogue\n",
    /^schemas import only zod$/,
    /^src\/error-catalogue\.ts$/,
  ],
  [
    'a schema that imports a package',
    'schemas/planted-package.ts',
    "import fastify from 'fastify'\nexport const planted = fastify\n",
    /^schemas import only zod$/,
    /fastify/,
  ],
  [
    'a client that imports the service',
    'client/planted-service.ts',
    "import { nearest } from '../src/nearest.ts'\nexport const planted = nearest\n",
    /^the client imports types of schemas/,
    /^src\/nearest\.ts$/,
  ],
  [
    'a client that imports a schema for more than its type',
    'client/planted-schema.ts',
    "import { problem } from '../schemas/problem.ts'\nexport const planted = problem\n",
    /^the client imports schemas for their types alone/,
    /^schemas\/problem\.ts$/,
  ],
  [
    'a client for browsers that imports a module of Node',
    'client/planted-node.ts',
    "import { Agent } from 'node:http'\nexport const planted = Agent\n",
    /^browsers run the client/,
    /^(node:)?http$/,
  ],
  [
    'a client for browsers that imports its files for Node',
    'client/planted-files.ts',
    "import { fileBlob } from './files.ts'\nexport const planted = fileBlob\n",
    /^browsers load no file of the client for Node$/,
    /^client\/files\.ts$/,
  ],
  [
    'a service that imports the client',
    'src/jobs/planted-client.ts',
    "import { createClient } from '../../client/client.ts'\nexport const planted = createClient\n",
    /^the service imports no client$/,
    /^client\/client\.ts$/,
  ],
  [
    'a page that imports the service',
    'page/planted-service.ts',
    "import { nearest } from '../src/nearest.ts'\nexport const planted = nearest\n",
    /^the page imports the client, types of schemas/,
    /^src\/nearest\.ts$/,
  ],
  [
    'a page that imports a schema for more than its type',
    'page/planted-schema.ts',
    "import { problem } from '../schemas/problem.ts'\nexport const planted = problem\n",
    /^the page imports schemas for their types alone/,
    /^schemas\/problem\.ts$/,
  ],
  [
    'a page that imports a module of Node',
    'page/planted-node.ts',
    "import { join } from 'node:path'\nexport const planted = join\n",
    /^the page imports what runs in browsers$/,
    /^(node:)?path$/,
  ],
  [
    'a page that reaches into the client',
    'page/planted-inside.ts',
    "import { createExchange } from '../client/exchange.ts'\nexport const planted = createExchange\n",
    /^the page takes what the client offers/,
    /^client\/exchange\.ts$/,
  ],
  [
    'a service that imports the page',
    'src/jobs/planted-page.ts',
    "import { bytesText } from '../../page/numbers.ts'\nexport const planted = bytesText\n",
    /^nothing imports the page$/,
    /^page\/numbers\.ts$/,
  ],
  [
    'a command that imports the service',
    'cli/planted.ts',
    "import { readConfig } from '../src/config.ts'\nexport const planted = readConfig\n",
    /^commands use the client/,
    /^src\/config\.ts$/,
  ],
  [
    'an import of what is not there',
    'src/onnx/planted-missing.ts',
    "import { gone } from './gone.ts'\nexport const planted = gone\n",
    /^imports resolve$/,
    /gone\.ts$/,
  ],
  [
    'a file that nothing imports and that imports nothing',
    'src/onnx/planted-orphan.ts',
    'export const planted = 1\n',
    /^no orphans$/,
    /planted-orphan/,
  ],
]

/** Two files that import each other, one of them only a type; a cycle is reported once, at either. */
const circle: readonly [file: string, content: string][] = [
  ['src/merge/planted-cycle.ts', "import { other } from './planted-circle.ts'\nexport const planted = () => other\n"],
  [
    'src/merge/planted-circle.ts',
    "import type { planted } from './planted-cycle.ts'\nexport const other: typeof planted | undefined = undefined\n",
  ],
]

/** A way round the rule, over a folder that no layer names. */
const detour: readonly [file: string, content: string][] = [
  ['src/unlisted/planted.ts', "import { createApp } from '../app.ts'\nexport const planted = createApp\n"],
  ['src/onnx/planted-user.ts', "import { planted } from '../unlisted/planted.ts'\nexport const used = planted\n"],
]

const sources = ['cli', 'client', 'page', 'src', 'routes', 'schemas']

let copy: string
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'tureen-layers-'))
  for (const path of [...sources, 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
    await cp(join(projectRoot, path), join(copy, path), { recursive: true })
  }
  await symlink(join(projectRoot, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rm(copy, { recursive: true, force: true }))

/** What `npm run check:layers` finds in the copy. */
async function violations(): Promise<{ modules: number; found: Violation[] }> {
  const depcruise = join(projectRoot, 'node_modules/.bin/depcruise')
  // The copy's packages are the project's, by a link that must not lead out of the copy.
  const args = ['--config', '.dependency-cruiser.cjs', '--preserve-symlinks', '--output-type', 'json', ...sources]
  const run = promisify(execFile)(depcruise, args, { cwd: copy, maxBuffer: 2 ** 28 })
  const output = await run.then(
    ({ stdout }) => stdout,
    error => String(error.stdout),
  )
  const { summary } = JSON.parse(output)
  return { modules: summary.totalCruised, found: summary.violations }
}

describe('the layer rule', () => {
  test('is what npm run check:layers checks', async () => {
    const { scripts } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8'))
    expect(scripts['check:layers']).toBe(`depcruise --config .dependency-cruiser.cjs ${sources.join(' ')}`)
  })

  describe('is broken', () => {
    const files = [
      ...planted.map(([, file, content]) => ({ file, content })),
      ...[...circle, ...detour].map(([file, content]) => ({ file, content })),
    ]
    let found: Violation[]
    let modules: number
    beforeAll(async () => {
      await mkdir(join(copy, 'src/unlisted'))
      for (const { file, content } of files) await writeFile(join(copy, file), content, { flag: 'wx' })
      ;({ found, modules } = await violations())
    })

    test.each(planted)('by %s', (_, file, __, rule, to) => {
      expect(found.filter(({ from }) => from === file)).toContainEqual(
        expect.objectContaining({
          rule: { name: expect.stringMatching(rule), severity: 'error' },
          to: expect.stringMatching(to),
        }),
      )
    })

    test('by two files that import each other', () => {
      const cycles = found.filter(({ rule }) => rule.name === 'no cycles')
      expect(cycles).toHaveLength(1)
      expect(cycles.map(({ from, to }) => [from, to].sort())).toEqual([circle.map(([file]) => file).sort()])
    })

    test('by what goes round it, over a folder that no layer names', () => {
      const detourFiles = detour.map(([file]) => file)
      expect(found.map(({ from }) => from)).toContainEqual(expect.toBeOneOf(detourFiles))
    })

    test('by nothing that was not planted: the project keeps it', () => {
      // Without its parser, dependency-cruiser sees no module and so no violation.
      expect(modules).toBeGreaterThan(60 + files.length)
      const names = files.map(({ file }) => file)
      expect(found.filter(({ from }) => !names.includes(from))).toEqual([])
    })
  })
})
