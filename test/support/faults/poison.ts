import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Makes one model deadly for a server, before which it is loaded by `--import`. The server kills itself when it opens the content
 * of that model. The variable POISON names a file with the digest. Without that file nothing happens.
 */
const place = process.env['POISON'] ?? ''
const { openSync, readFileSync } = fs

function poison(): string | undefined {
  try {
    return readFileSync(place, 'utf8')
  } catch {
    return undefined
  }
}

fs.openSync = (path, ...rest) => {
  if (path !== place && String(path).includes('/content/')) {
    const hex = poison()
    if (hex !== undefined && String(path).endsWith(hex)) process.kill(process.pid, 'SIGKILL')
  }
  return openSync(path, ...rest)
}
syncBuiltinESMExports()
