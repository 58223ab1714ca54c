import { configDefaults, defineConfig } from 'vitest/config'
import { memoryDirectory } from './test/support/memory-disk.ts'
import { hasRealParts } from './test/support/real-parts.ts'

/**
 * Fuzzing, kills at random, other long property tests, the attacks, costs and memory at the limits, and waits as long as proxies allow:
 * `npm run test:bounds`. CI runs it after `npm test`.
 */
const bounds = [
  'test/{attack,corpus,fuzz}/*.test.ts',
  'test/checkpoint/fuzz.test.ts',
  'test/durability/{disk-faults,external-kill,idempotency-kill,kill,memory,outside-kill,search-kill,slow-clients}.test.ts',
  'test/evaluate/shared-fixtures.test.ts',
  'test/evaluate/datasets/{damage,hostile}.test.ts',
  'test/evaluate/metrics/{kept-memory,resampling}.test.ts',
  'test/hostile/{crowded-models,memory-comes-back,task-seconds}.test.ts',
  'test/http/{costly-bodies,packaged-proxies,parallel-requests}.test.ts',
  'test/merge/{corpus,costly-models,heavy-models,weight-swap}.test.ts',
  'test/onnx/{fuzz,hostile,written-in-parts}.test.ts',
  'test/simulation/simulation.test.ts',
  'test/storage/killed-migrations.test.ts',
  'test/onnx/graph/{cost,damaged,fingerprint,large-graphs,scrambled}.test.ts',
]
/**
 * Whole processes: commands as users type them, servers and scorers in processes of their own, evaluators and what isolates them, and files,
 * requests and evaluators that do harm. Also clients that are slow for seconds. `npm run test:processes`. CI runs it after `npm test`.
 */
const processes = [
  'test/{cli,examples,hostile}/*.test.ts',
  'test/{command-lines,configuration,installation,unused-drivers}.test.ts',
  'test/docs/{commands,operator-drills,typescript-client}.test.ts',
  'test/durability/{attempts,damaged-catalog,download-log,few-files,full-disk,log,optional-packages}.test.ts',
  'test/durability/{orphans,refused-start,renewed-records,restart,sigterm,start}.test.ts',
  'test/evaluate/{bubblewrap,evaluations-at-each-level,evaluator-deaths,evaluator-modules,isolation-levels,launcher}.test.ts',
  'test/http/{access,connection-burst,external-digits,large-results,slow-start,terms-as-numpy,turns}.test.ts',
  'test/http/{body-progress,large-refusals,slow-downloads,slow-uploads,token-file}.test.ts',
  'test/jobs/nothing-left.test.ts',
]
/** Tests of single parts. They start no server and no other process. */
const unit = [
  'test/{checkpoint,export,merge,models,onnx,search,storage,tensor}/**/*.test.ts',
  'test/evaluate/*/**/*.test.ts',
  'test/simulation/*/*.test.ts',
  'test/unit-tier.test.ts',
]
/** Tests that run on PostgreSQL as well, those of HTTP with content on S3: `npm run test:cluster`. */
const clustered = ['test/storage/catalog-*.test.ts', 'test/http/*.test.ts']
/** Tests of HTTP that do not: nothing in them would be different, or they look into what only an embedded server has. */
const embeddedOnly = [
  // They start no whole server.
  'test/http/{body-drain,body-progress,byte-meter,kept-text,progress-watch,send-pieces,send-queues,taken-bytes}.test.ts',
  // Searches whose expected results take NumPy or scorers of their own; test/cluster has the digits from outside, with two servers.
  'test/http/{external-digits,terms-as-numpy}.test.ts',
  // Servers in processes of their own. test/cluster has those of several servers.
  'test/http/{access,connection-burst,large-results,slow-start}.test.ts',
  // Answers before the catalog and the content: the request itself, its connection, and the documents of the program.
  'test/http/{behind-nginx,broken-http,browser-headers,connections,cross-origin,declared-codes,empty-bodies}.test.ts',
  'test/http/{encoded-bodies,form-names,hosts,json-mistakes,large-refusals,method-refusals,openapi}.test.ts',
  'test/http/{page,problems,public-path,rate-limit,refusal-order,slow-uploads,token-file,unknown-fields}.test.ts',
]
/** Without the real parts, one test says so. */
const cluster = hasRealParts() ? ['test/cluster/**/*.test.ts', ...clustered] : ['test/cluster/real-parts.test.ts']
const realParts = hasRealParts()
  ? { globalSetup: ['test/support/provide-postgres.ts', 'test/support/provide-s3.ts'] }
  : {}
/**
 * The tiers http and durability are one project, `servers`. A worker serves one project only, and takes two seconds of the processor to load
 * the service and to start its threads. `npm run test:http` sets this variable, `npm run test:durability` names its folders.
 */
const leftOut = process.env['TUREEN_TEST_TIER'] === 'http' ? ['test/{durability,store-tools}/**'] : []
/** Tiers with a configuration of their own: `npm run test:clients`, `npm run test:package`, `npm run test:page`. */
const elsewhere = [...configDefaults.exclude, 'test/clients/**', 'test/package/**', 'test/page/**']
const clusterOnly = ['test/cluster/**']

/** Where tests make their files. No test can tell whether a flush has reached a disk, but each flush takes milliseconds. */
const temporary = memoryDirectory()
const inMemory = { env: temporary === undefined ? {} : { TMPDIR: temporary } }

/** The tests of `servers` serve inside their own process: `test/support/own-processes.ts` refuses others. */
const servedInside = { env: { ...inMemory.env, TUREEN_TEST_PROCESSES: 'refused' } }

const tier = (name: string, include: string[], exclude: string[] = [], others: object = inMemory) => ({
  extends: true as const,
  test: { name, include, exclude: [...elsewhere, ...exclude], ...others },
})

export default defineConfig({
  test: {
    // One more than the processors of CI: tests that wait for a clock leave theirs to others.
    maxWorkers: 3,
    // No test replaces a module, and loading all of them anew for each file would be a third of the processors' time.
    isolate: false,
    // Node loads tests as it loads the service: it runs TypeScript as it is, and keeps compiled code for the next run.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // As evaluators have it: otherwise onnxruntime leaves a file of its telemetry beside the temporary files of each process.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // Far more than any of them takes: a machine that is busy with other things is no reason to fail.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      tier('unit', unit, bounds, { ...inMemory, setupFiles: ['test/support/no-servers.ts'] }),
      tier(
        'servers',
        ['test/**/*.test.ts'],
        [...unit, ...bounds, ...processes, ...leftOut, ...clusterOnly],
        servedInside,
      ),
      tier('processes', processes, bounds),
      tier('cluster', cluster, [...bounds, ...embeddedOnly], { ...inMemory, ...realParts }),
      tier('bounds', bounds, [], {}),
    ],
  },
})
