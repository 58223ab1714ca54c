import fastifyPlugin from 'fastify-plugin'
import findMyWay from 'find-my-way'

/** A path of the API, such as `/v1/models/:id`, with its HTTP methods. */
export type KnownPath = { pattern: string; methods: Set<string> }

/** The paths of a server. */
export type PathTable = {
  add(pattern: string, methods: readonly string[]): void
  /** Returns the path that a URL has, whatever the HTTP method. */
  find(url: string): KnownPath | undefined
}

/** The router has one HTTP method, under which it keeps all paths. */
const anyMethod = 'GET'

export function pathTable(): PathTable {
  const router = findMyWay({ ignoreTrailingSlash: true })
  const known = new Map<string, KnownPath>()
  return {
    add(pattern, methods) {
      const path = known.get(pattern) ?? { pattern, methods: new Set() }
      for (const method of methods) path.methods.add(method)
      if (known.has(pattern)) return
      known.set(pattern, path)
      router.on(anyMethod, pattern, () => undefined, pattern)
    },
    find: url => known.get(router.find(anyMethod, url)?.store),
  }
}

/** Collects the paths of all routes that are registered after it. */
export const collectPaths = fastifyPlugin<{ paths: PathTable }>(async (app, { paths }) => {
  app.addHook('onRoute', ({ url, method }) => paths.add(url, [method].flat()))
})
