/** Returns how many random cases a property is tried with: all of them in CI, and a third where a person waits. */
export function randomCases(all: number): number {
  return process.env['CI'] ? all : Math.ceil(all / 3)
}
