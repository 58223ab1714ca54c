import { defineConfig } from 'vitest/config'

/** The tier that shows the page in Chromium: `npm run test:page`. Needs Debian's package chromium. */
export default defineConfig({
  test: {
    include: ['test/page/*.test.ts'],
    // Each worker has a browser of its own.
    maxWorkers: 2,
    isolate: false,
    // As `npm test` loads tests: Node runs the TypeScript.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 180_000,
    hookTimeout: 120_000,
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'node_modules/.cache/test-results-page.json' }]]
      : ['default'],
  },
})
