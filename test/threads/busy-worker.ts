/** Keeps its thread busy. */
export function busy(milliseconds: number): number {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
  return milliseconds
}

/** Sets the first element a moment after the task has ended. */
export function later(shared: SharedArrayBuffer): void {
  setTimeout(() => Atomics.store(new Int32Array(shared), 0, 1), 20)
}
