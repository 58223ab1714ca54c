/** Returns what a read from a connection gives. Rejects if the read takes too long, and with the reason of the signal if that aborts. */
export async function soon<Value>(
  reading: Promise<Value> | undefined,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<Value | undefined> {
  signal?.throwIfAborted()
  let timer: ReturnType<typeof setTimeout> | undefined
  let stop = () => {}
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no byte within ${seconds} seconds`)), seconds * 1000)
    stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([reading, never])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}
