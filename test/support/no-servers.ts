import childProcess, { ChildProcess } from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'
import { Server } from 'node:net'

/** Setup of the unit tests: a test that starts a server or another process fails. It belongs to another tier. */
function refused(what: string): () => never {
  return () => {
    throw new Error(
      `A unit test started ${what}. Unit tests start none: move the file to another tier, as docs/development/testing.md says.`,
    )
  }
}

const process = refused('a process')
Object.assign(Server.prototype, { listen: refused('a server') })
Object.assign(ChildProcess.prototype, { spawn: process })
Object.assign(childProcess, { spawnSync: process, execFileSync: process, execSync: process })
syncBuiltinESMExports()
