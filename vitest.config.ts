import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A tier of its own, with packages of its own: npm run test:clients.
    exclude: ['**/node_modules/**', 'test/clients/**'],
    // Most of the time goes by in servers and evaluators beside the tests.
    maxWorkers: 2,
    // No test replaces a module, and loading all of them anew for each file would be a third of the processors' time.
    isolate: false,
    // Far more than any of them takes: a machine that is busy with other things is no reason to fail.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // For .ci/run, which counts from the file what passed and what failed.
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'node_modules/.cache/test-results.json' }]]
      : ['default'],
  },
})
