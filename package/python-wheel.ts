import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Seconds since 1970 that all files of a wheel have as their time, so that equal files make equal wheels. Archives know no time before 1980. */
const fileTime = '315619200'

/** The module of setuptools that builds a wheel, and the program of the package wheel that opens and closes one. */
const tools = 'import setuptools.build_meta, wheel'

/** Returns a Python that can build wheels. @throws Error if there is none */
export function wheelPython(): string {
  const found = ['/usr/bin/python3', 'python3'].find(command => spawnSync(command, ['-c', tools]).status === 0)
  if (found !== undefined) return found
  throw new Error('no Python has setuptools and wheel. On Debian, apt-get install python3-setuptools python3-wheel')
}

/**
 * Builds a wheel for one platform: the client for Python with the program inside, and the command `tureen`.
 *
 * setuptools builds the wheel of the client, since it knows the metadata. The program is added to the unpacked wheel: setuptools keeps
 * neither the mode of its files nor every name. The package wheel packs it again, and so writes RECORD.
 *
 * @param program the directory of the program, which moves into the wheel
 * @param tag the platform, as wheels name it
 * @param temporary an empty directory
 * @returns the path of the wheel
 */
export function buildWheel(
  client: string,
  program: string,
  tag: string,
  temporary: string,
  destination: string,
): string {
  const python = wheelPython()
  const run = (cwd: string, ...parameters: string[]) => {
    const env = { ...process.env, SOURCE_DATE_EPOCH: fileTime, PYTHONDONTWRITEBYTECODE: '1' }
    const { status, stdout, stderr } = spawnSync(python, parameters, { cwd, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${python} ${parameters.join(' ')} failed:\n${stdout}\n${stderr}`)
  }
  // setuptools writes beside its sources.
  const sources = join(temporary, 'client')
  cpSync(join(program, 'LICENSE'), join(sources, 'LICENSE'))
  cpSync(client, sources, {
    recursive: true,
    filter: path => !/\/(tests|build|__pycache__|[^/]*\.egg-info|\.\w+)$/.test(path),
  })
  const pure = join(temporary, 'pure')
  mkdirSync(pure)
  run(sources, '-c', `import setuptools.build_meta as meta; meta.build_wheel(${JSON.stringify(pure)})`)
  const [built = ''] = globSync('*.whl', { cwd: pure })
  run(pure, '-m', 'wheel', 'unpack', built)
  const unpacked = join(pure, built.replace(/-py3-none-any\.whl$/, ''))
  renameSync(program, join(unpacked, 'tureen/program'))
  const [facts = ''] = globSync('*.dist-info', { cwd: unpacked })
  const described = join(unpacked, facts, 'WHEEL')
  const description = readFileSync(described, 'utf8')
    .replace(/^Root-Is-Purelib: true$/m, 'Root-Is-Purelib: false')
    .replace(/^Tag: .*$/m, `Tag: py3-none-${tag}`)
  writeFileSync(described, description)
  writeFileSync(join(unpacked, facts, 'entry_points.txt'), '[console_scripts]\ntureen = tureen.command:main\n')
  run(pure, '-m', 'wheel', 'pack', unpacked, '--dest-dir', destination)
  return join(destination, built.replace('-any.whl', `-${tag}.whl`))
}
