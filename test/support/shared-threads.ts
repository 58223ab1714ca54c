import { createThreadPool, startThreads, type ThreadPool, type Threads } from '../../src/threads/thread-pool.ts'

/** Longer than any run: a thread that ended between two tests would start again. */
const keptMilliseconds = 3_600_000

let threads: Threads | undefined

/** Returns threads for all tests of this process: the first merge of new ones takes 0.4 s of processor time, to load modules. */
export function sharedThreads(): Threads {
  if (threads) return threads
  threads = startThreads(undefined, keptMilliseconds)
  // Without a listener, a thread that dies between two servers would end the process.
  threads.onError(() => undefined)
  return threads
}

/** Returns a pool of the shared threads. An error of a thread fails the run, unless the test listens for it. */
export function sharedPool(onError?: (error: unknown) => void): ThreadPool {
  const fail = (error: unknown) => {
    throw error
  }
  return createThreadPool(onError ?? fail, () => {}, undefined, sharedThreads())
}
