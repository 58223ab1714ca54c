import { execFile, execFileSync } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let environment: Record<string, string>
beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const folder of ['bin', 'models', 'empty']) await mkdir(join(directory.path, folder))
  await writeFile(join(directory.path, 'models/ft0.onnx'), '')
  const program = join(directory.path, 'bin/tureen')
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${join(projectRoot, 'src/tureen.ts')}' "$@"\n`)
  await chmod(program, 0o755)
  environment = {
    PATH: `${join(directory.path, 'bin')}:${process.env.PATH}`,
    HOME: directory.path,
    NODE_COMPILE_CACHE: join(projectRoot, 'node_modules/.cache/compile'),
  }
})
afterAll(() => directory.remove())

const harness = `source <(tureen completion bash)
while IFS=$'\\t' read -ra COMP_WORDS; do
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  COMP_WORDS[COMP_CWORD]=\${COMP_WORDS[COMP_CWORD]%.}
  _tureen
  echo "\${COMPREPLY[*]}"
done`.replaceAll('\\$', '$')

/** What bash proposes for each line of words. The last word of a line has a dot behind it, which may be all of it. */
async function proposals(lines: readonly string[][]): Promise<string[][]> {
  const running = promisify(execFile)('bash', ['--norc', '-c', harness], { cwd: directory.path, env: environment })
  running.child.stdin?.end(lines.map(words => `${words.join('\t')}.\n`).join(''))
  const { stdout, stderr } = await running
  expect(stderr).toBe('')
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split(' ').filter(Boolean))
}

test('bash proposes commands, options, and the values that an option can have', async () => {
  const [commands, search, option, order, strategy, lists, topics, afterEquals, free] = await proposals([
    ['tureen', ''],
    ['tureen', 's'],
    ['tureen', 'soup', 'ft0.onnx', '--wei'],
    ['tureen', 'ls', '--sort', '-'],
    ['tureen', 'search', '--strategy', 'g'],
    ['tureen', 'ls', ''],
    ['tureen', 'help', 'guides/rec'],
    ['tureen', 'ls', '--sort', '=', 'by'],
    ['tureen', 'push', '--name', 'x'],
  ])
  expect(commands).toEqual(
    expect.arrayContaining(['serve', 'soup', 'search', 'push', 'completion', 'help', 'migrate', '--help']),
  )
  expect(search).toEqual(['serve', 'soup', 'search', 'score'])
  expect(option).toEqual(['--weights'])
  expect(order).toEqual(['-created', '-name', '-bytes'])
  expect(strategy).toEqual(['greedy'])
  expect(lists).toEqual(['models', 'datasets', 'exports', 'jobs'])
  expect(topics).toEqual(['guides/recipes'])
  expect(afterEquals).toEqual(['bytes'])
  expect(free ?? []).toEqual([])
})

test('every option of a command is proposed, also of those that read their arguments another way', async () => {
  const commands = ['search', 'ls', 'serve', 'check']
  const found = await proposals(commands.map(command => ['tureen', command, '--']))
  for (const [index, command] of commands.entries()) {
    const { stdout } = await typed([command, '--help'], { cwd: directory.path })
    const options = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, option]) => option)
    expect(options.length, command).toBeGreaterThan(2)
    expect(found[index], command).toEqual(options)
  }
})

/** Types keys into an interactive bash on a terminal, and returns what the shell has echoed as the completed line. */
function typedKeys(keys: string): string {
  const program = `
import fcntl, os, pty, select, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
# Bash scrolls a line that is wider than its terminal.
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 400, 0, 0))
seen = b''
def until(mark):
    global seen
    end = time.time() + 50
    while mark not in seen:
        if time.time() > end: sys.exit('no ' + repr(mark) + ' in ' + repr(seen))
        if select.select([fd], [], [], 0.2)[0]: seen += os.read(fd, 65536)
os.write(fd, b"PS1='ready'; bind 'set bell-style none'; source <(tureen completion bash); echo sourc''ed\\n")
until(b'sourced')
# Only behind its prompt does bash read keys as they are typed.
seen = seen.split(b'sourced')[-1]
until(b'ready')
os.write(fd, sys.argv[1].encode() + b'\\x01echo completed:\\x05 :end\\n')
# The line that was typed has the same words, but not at its beginning.
until(b'\\ncompleted:tureen')
seen = seen[seen.index(b'\\ncompleted:'):]
until(b':end\\r\\n')
os.kill(pid, 9)
print(seen.decode(errors='replace'))
`
  const shown = execFileSync('/usr/bin/python3', ['-c', program, keys], {
    cwd: join(directory.path, 'models'),
    env: { ...environment, TERM: 'dumb' },
    encoding: 'utf8',
  })
  return /^completed:(.*?) *:end\r?$/m.exec(shown)?.[1] ?? shown
}

test('the Tab key completes commands, options and files in an interactive bash', () => {
  expect(typedKeys('tureen mig\t')).toBe('tureen migrate')
  expect(typedKeys('tureen soup ft\t--norm\t')).toMatch(/^tureen soup ft0\.onnx --n/)
  expect(typedKeys('tureen search ft0.onnx --data f\t')).toBe('tureen search ft0.onnx --data ft0.onnx')
  expect(typedKeys('tureen push --name f\t')).toBe('tureen push --name f')
})

test('another shell is refused with the name of the one that there is', async () => {
  expect(await typed(['completion', 'fish'], { cwd: directory.path })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('bash'),
  })
})
