/**
 * Throws in the tier `servers`, whose tests serve inside their own process. A server or a command in a process of its own takes a second of the
 * processor.
 */
export function requireOwnProcesses(): void {
  if (process.env['TUREEN_TEST_PROCESSES'] === 'refused')
    throw new Error(
      'This test starts a server or a command in a process of its own. Add its file to `processes` in vitest.config.ts, or use startApp.',
    )
}
