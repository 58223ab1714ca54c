import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandLine, commandLine } from '../src/command-line.ts'
import { documentNames, generatedModules } from './generated-modules.ts'

/** npm run build:operators: makes the tables in src/onnx/generated, which are kept in the tree, from ONNX's operator documents. */
const command: CommandLine = commandLine('usage: npm run build:operators -- DIR --release VERSION --commit COMMIT')
const { values, positionals } = command.parse({
  allowPositionals: true,
  options: { release: { type: 'string' }, commit: { type: 'string' } },
})
const { release, commit } = values
const [directory, ...others] = positionals
if (directory === undefined || others.length > 0)
  command.refuse(`Name one directory, which holds ${documentNames.join(' and ')} of ONNX`)
for (const name of documentNames)
  if (!statSync(join(directory, name), { throwIfNoEntry: false })?.isFile())
    command.refuse(`${directory} does not hold the file ${name}`)
if (!release) command.refuse('Name the release of ONNX that the documents belong to: --release 1.23.0')
if (!commit) command.refuse("Name the commit of ONNX's repository that the documents are from: --commit f7546912")

const text = (name: string) => readFileSync(join(directory, name), 'utf8')
const texts = { 'Changelog.md': text('Changelog.md'), 'Changelog-ml.md': text('Changelog-ml.md') }
for (const [file, module] of Object.entries(generatedModules({ release, commit, texts })))
  writeFileSync(new URL(`../src/onnx/generated/${file}`, import.meta.url), module)
