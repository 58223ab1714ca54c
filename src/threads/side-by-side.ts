import type { WorkControl } from './work-control.ts'

/**
 * Waits for threads that share one piece of work. The first failure stops the others, and only this failure is thrown.
 * All threads have ended when this returns or throws.
 */
export async function sideBySide<Values extends readonly unknown[]>(
  work: { [Index in keyof Values]: Promise<Values[Index]> },
  control: WorkControl,
): Promise<Values> {
  const failures: unknown[] = []
  const stopOthers = (error: unknown) => {
    failures.push(error)
    control.stop()
  }
  await Promise.allSettled(work.map(each => each.catch(stopOthers)))
  if (failures.length > 0) throw failures[0]
  return Promise.all(work)
}
