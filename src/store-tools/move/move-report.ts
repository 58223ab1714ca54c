import type { StoreFinding } from '../catalog-findings.ts'

/** Hears of a move. `say` gets one line for each step; `onFinding` each defect of the store. */
export type MoveReport = { say(line: string): void; onFinding(finding: StoreFinding): void }
