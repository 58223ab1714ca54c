import { defineConfig } from 'vitest/config'

/** The tier that packs, installs and runs the package: `npm run test:package` installs its Nodes and runs it. */
export default defineConfig({
  test: {
    include: ['test/package/*.test.ts'],
    globalSetup: ['test/package/provide-tarball.ts'],
    // As `npm test` loads tests: Node runs the TypeScript.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'node_modules/.cache/test-results-package.json' }]]
      : ['default'],
  },
})
