import { spawn } from 'node:child_process'
import { Command } from 'commander'
import { endUsage, writeMistake } from '../src/usage-mistakes.ts'
import { findPage, readPages } from './documentation-pages.ts'
import { exitCodes, UsageMistake } from './mistakes.ts'
import { plainMarkdown } from './plain-markdown.ts'

/** Most columns of a text: longer lines are hard to read. */
const mostColumns = 100

/** `tureen help`: shows pages of the documentation. */
export async function helpCommand(given: readonly string[]): Promise<void> {
  const command = new Command('tureen help')
    .description(
      'Show a page of the documentation; without a topic, the list of all. tureen help COMMAND shows the options of a command.',
    )
    .argument('[topic]', 'page, such as recipes or operations/backup-and-restore, or a command')
    .option('--names', 'print the names of all topics, and nothing else')
    .helpOption('-h, --help', 'print this text')
    .configureOutput({ outputError: writeMistake })
    .exitOverride(endUsage)
    .parse(given, { from: 'user' })
  try {
    const pages = await readPages()
    const [topic] = command.args
    if (command.opts()['names'] === true) return print(`${pages.map(page => page.topic).join('\n')}\n`)
    if (topic === undefined) return print(listText(pages))
    const page = findPage(pages, topic)
    const width = Math.min(process.stdout.columns || mostColumns, mostColumns)
    await showText(plainMarkdown(page.text, { width, topic: page.topic }))
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error
    process.stderr.write(`tureen help: ${error.message}\n`)
    process.exit(exitCodes.usage)
  }
}

function print(text: string): void {
  process.stdout.write(text)
}

function listText(pages: readonly { topic: string; title: string }[]): string {
  const width = Math.max(...pages.map(({ topic }) => topic.length))
  const lines = pages.map(({ topic, title }) => `${topic.padEnd(width)}  ${title}`)
  return ['Pages of the documentation: tureen help TOPIC', '', ...lines, ''].join('\n')
}

/** Writes a text, on a terminal through the reader's pager. */
async function showText(text: string): Promise<void> {
  if (!process.stdout.isTTY) return print(text)
  const pager = process.env['PAGER'] || 'less'
  const hasShown = await new Promise<boolean>(resolve => {
    const child = spawn('/bin/sh', ['-c', pager], {
      // As git does: leave at once what fits on the screen, and keep colours.
      env: { LESS: 'FRX', ...process.env },
      stdio: ['pipe', 'inherit', 'inherit'],
    })
    child.once('error', () => resolve(false))
    // A shell that does not find the pager ends with 127.
    child.once('exit', code => resolve(code !== 127))
    // A reader who has seen enough closes the pager before the end.
    child.stdin.on('error', () => undefined)
    child.stdin.end(text)
  })
  if (!hasShown) print(text)
}
