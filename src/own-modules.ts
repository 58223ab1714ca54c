/** True in the package, whose modules were compiled to JavaScript. False in a checkout, where Node runs the TypeScript. */
export const isPackaged = import.meta.url.endsWith('.js')

/** Extension of the program's modules, `.ts` or `.js`. */
export const moduleExtension = isPackaged ? '.js' : '.ts'

/**
 * Returns the URL of a module that a thread or another process starts with. The compiler renames `.ts` to `.js` in imports only, and
 * not in other paths, so each such path goes through this function.
 *
 * @param path the path from the calling module
 * @param caller `import.meta.url` of the calling module
 */
export function moduleUrl(path: `./${string}.ts`, caller: string): URL {
  return new URL(path.replace(/\.ts$/, moduleExtension), caller)
}
