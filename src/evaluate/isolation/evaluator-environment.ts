import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'

const compiled = getCompileCacheDir()

/**
 * The environment of an evaluator; it has no other variable. onnxruntime's libraries for Linux contain a telemetry client, which writes
 * temporary files and takes an eighth of the time of small models. Without the directory of the server's compile cache, every evaluator
 * would compile its TypeScript sources again. Node reads the configuration of OpenSSL at its start, which an evaluator need not be able to read.
 */
export const evaluatorEnvironment: Readonly<Record<string, string>> = {
  ORT_DISABLE_TELEMETRY: '1',
  OPENSSL_CONF: '/dev/null',
  ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) }),
}
