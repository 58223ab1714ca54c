import { defineConfig } from 'vitest/config'

/** The tier that needs packages of its own: `npm run test:clients` installs and runs it. */
export default defineConfig({
  test: {
    include: ['test/clients/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'node_modules/.cache/test-results-clients.json' }]]
      : ['default'],
  },
})
