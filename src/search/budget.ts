/** The limits of a search: a number of scored soups, or time. */
export type BudgetKind = 'evaluations' | 'seconds'

/** Thrown into a strategy to end it when a budget is spent. */
export class BudgetSpent extends Error {
  readonly kind: BudgetKind
  constructor(kind: BudgetKind) {
    super(`the budget of ${kind} is spent`)
    this.kind = kind
  }
}

/**
 * Returns a value, unless a deadline comes first.
 * @param mayEnd called at the deadline; false: the value is awaited nevertheless
 * @throws BudgetSpent at the deadline
 */
export async function beforeDeadline<Value>(
  value: Promise<Value>,
  deadline: AbortSignal | undefined,
  mayEnd: () => boolean,
): Promise<Value> {
  if (!deadline) return value
  const { promise: over, reject } = Promise.withResolvers<never>()
  const expire = () => {
    if (mayEnd()) reject(new BudgetSpent('seconds'))
  }
  if (deadline.aborted) expire()
  deadline.addEventListener('abort', expire)
  try {
    return await Promise.race([value, over])
  } finally {
    deadline.removeEventListener('abort', expire)
  }
}
