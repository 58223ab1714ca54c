/** The layer rule: data flows one way, and a lower layer never imports a higher one. `test/layers.test.ts` proves that it bites. */
const layers = [
  ['schemas'],
  [
    'src/command-line.ts',
    'src/command-names.ts',
    'src/error-catalogue.ts',
    'src/error-entries',
    'src/errors.ts',
    'src/first-of.ts',
    'src/json-pieces.ts',
    'src/in-seconds.ts',
    'src/nearest.ts',
    'src/own-modules.ts',
    'src/own-turn.ts',
    'src/unless-aborted.ts',
    'src/percent-encoding.ts',
    'src/problem-document.ts',
    'src/process-limits.ts',
    'src/received-text.ts',
    'src/run-tool.ts',
    'src/shortened.ts',
    'src/stand-back.ts',
    'src/usage-mistakes.ts',
  ],
  ['src/unknown-fields.ts', 'src/validation'],
  ['src/tensor'],
  ['src/onnx'],
  ['src/checkpoint'],
  ['src/storage'],
  ['src/merge', 'src/evaluate', 'src/export'],
  ['src/threads'],
  ['src/models', 'src/datasets', 'src/exports', 'src/search'],
  ['src/jobs', 'src/soups', 'src/store-tools'],
  ['src/http', 'src/documentation', 'src/browser-page'],
  ['routes'],
  ['src/configuration'],
  ['src/config.ts'],
  ['src/composition'],
  ['src/app.ts'],
  ['src/server.ts', 'src/compile.ts', 'src/check-store.ts', 'src/backup.ts', 'src/migrate.ts', 'src/prune-modules.ts'],
  ['cli'],
  ['src/tureen.ts'],
]

const pattern = paths => `^(${paths.map(path => path.replaceAll('.', '\\.') + (path.endsWith('.ts') ? '$' : '/')).join('|')})`

const upward = layers.slice(0, -1).map((layer, index) => ({
  name: `${layer.join('+')} imports no higher layer`,
  severity: 'error',
  from: { path: pattern(layer) },
  to: { path: pattern(layers.slice(index + 1).flat()) },
}))

/** Modules of Node that reach outside: files, network, processes, time. */
const outside = '^(node:)?(fs|fs/promises|net|tls|dns|dgram|http|http2|https|child_process|cluster|worker_threads|vm|os|sqlite|timers|timers/promises)$'

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'every file belongs to a layer',
      severity: 'error',
      from: { path: '^(src|routes|schemas)/', pathNot: pattern(layers.flat()) },
      to: {},
    },
    {
      name: 'every import is of a layer',
      severity: 'error',
      from: {},
      to: { path: '^(src|routes|schemas)/', pathNot: pattern(layers.flat()) },
    },
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'schemas import only zod', severity: 'error', from: { path: '^schemas/' }, to: { pathNot: '^(schemas/|node_modules/zod/)' } },
    {
      name: 'parsing, planning and numerics touch nothing outside',
      severity: 'error',
      from: { path: '^src/(onnx|checkpoint|tensor|export|merge|search)/' },
      to: { path: outside },
    },
    {
      name: 'only the evaluator child imports onnxruntime-node',
      severity: 'error',
      from: { pathNot: '^src/evaluate/child' },
      to: { path: 'onnxruntime-node' },
    },
    {
      name: 'the client imports types of schemas, and nothing else of the project',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(cli|src|routes|docs|test|examples|launcher|kernel|operators|release)/' },
    },
    {
      name: 'the client imports schemas for their types alone, and so zod',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(schemas/|node_modules/zod/)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'browsers run the client: only its files for Node import modules of Node',
      severity: 'error',
      from: { path: '^client/', pathNot: '^client/(files|unix-socket-transport)\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browsers load no file of the client for Node',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^client/(files|unix-socket-transport)\\.ts$' },
    },
    {
      name: 'the service imports no client',
      severity: 'error',
      from: { path: '^(src|routes|schemas)/' },
      to: { path: '^client/' },
    },
    {
      name: 'commands use the client: they import the service only where they start an embedded one',
      severity: 'error',
      from: { path: '^cli/', pathNot: '^cli/embedded-server\\.ts$' },
      to: { path: '^(src|routes)/', pathNot: '^src/usage-mistakes\\.ts$' },
    },
    {
      name: 'the page imports the client, types of schemas, and nothing else of the project',
      severity: 'error',
      from: { path: '^page/' },
      to: { path: '^(bin|cli|src|routes|docs|test|examples|launcher|kernel|operators|package|release)/' },
    },
    {
      name: 'the page imports schemas for their types alone, and so zod',
      severity: 'error',
      from: { path: '^page/' },
      to: { path: '^(schemas/|node_modules/zod/)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the page imports what runs in browsers',
      severity: 'error',
      from: { path: '^page/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'the page takes what the client offers, and no file of its insides',
      severity: 'error',
      from: { path: '^page/' },
      to: { path: '^client/', pathNot: '^client/index\\.ts$' },
    },
    {
      name: 'nothing imports the page',
      severity: 'error',
      from: { path: '^(cli|client|src|routes|schemas)/' },
      to: { path: '^page/' },
    },
    { name: 'imports resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no orphans', severity: 'error', from: { orphan: true, pathNot: ['^client/(index|files|unix-socket-transport)\\.ts$', '^page/main\\.ts$', '^src/(server|tureen|compile|check-store|backup|migrate|prune-modules|browser-page/build-thread|threads/(file-|hash-)?worker)\\.ts$', '\\.d\\.ts$'] }, to: {} },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.json'] },
  },
}
