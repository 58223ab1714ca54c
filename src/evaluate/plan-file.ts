import { readFileSync, writeFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import type { MergePlan } from '../merge/merge-plan.ts'

/** Writes the plan of a merge to a new file. */
export function writePlan(plan: MergePlan, path: string): void {
  writeFileSync(path, serialize(plan), { flag: 'wx' })
}

/** Returns the plan in a file from {@link writePlan}. */
export function readPlan(path: string): MergePlan {
  // The server serialized the plan, so v8 returns the same type.
  const plan: MergePlan = deserialize(readFileSync(path))
  return plan
}
