import { posix } from 'node:path'
import { styleText } from 'node:util'
import { lexer, type Token, type Tokens } from 'marked'

/** How Markdown becomes text. `width`: columns of the terminal; `topic`: path of the page, to which its links are relative. */
export type TextLayout = { width: number; topic: string }

/** Returns Markdown as plain text for a terminal. Links to other pages show their topics. */
export function plainMarkdown(markdown: string, layout: TextLayout): string {
  return `${blocks(lexer(markdown), layout).join('\n')}\n`
}

function blocks(tokens: readonly Token[], layout: TextLayout): string[] {
  const parts = tokens.map(token => blockLines(token, layout)).filter(lines => lines.length > 0)
  return parts.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
}

function blockLines(token: Token, layout: TextLayout): string[] {
  if (isOf('heading', token)) return [styleText('bold', inline(token.tokens, layout), { stream: process.stdout })]
  if (isOf('paragraph', token)) return wrapped(inline(token.tokens, layout), layout.width)
  if (isOf('text', token)) return wrapped(token.tokens ? inline(token.tokens, layout) : token.text, layout.width)
  if (isOf('code', token)) return token.text.split('\n').map(line => `    ${line}`)
  if (isOf('list', token)) return listLines(token, layout)
  if (isOf('table', token)) return tableText(token, layout)
  if (isOf('blockquote', token)) return indented(blocks(token.tokens, narrower(layout, 2)), '  ', '  ')
  if (isOf('hr', token)) return ['-'.repeat(20)]
  return []
}

type TokenTypes = {
  heading: Tokens.Heading
  paragraph: Tokens.Paragraph
  text: Tokens.Text
  code: Tokens.Code
  list: Tokens.List
  table: Tokens.Table
  blockquote: Tokens.Blockquote
  hr: Tokens.Hr
  link: Tokens.Link
  codespan: Tokens.Codespan
  br: Tokens.Br
}

function isOf<Type extends keyof TokenTypes>(type: Type, token: Token): token is TokenTypes[Type] {
  return token.type === type
}

/** Returns text that stands inside a line. */
function inline(tokens: readonly Token[] = [], layout: TextLayout): string {
  return tokens
    .map(token => {
      if (isOf('link', token)) return linkText(token, layout)
      if (isOf('br', token)) return ' '
      if ('tokens' in token && token.tokens) return inline(token.tokens, layout)
      return 'text' in token ? unescaped(String(token.text)) : ''
    })
    .join('')
    .replaceAll(/\s+/g, ' ')
}

function linkText({ href, tokens }: Tokens.Link, layout: TextLayout): string {
  const text = inline(tokens, layout)
  if (/^https?:/.test(href)) return href === text ? text : `${text} (${href})`
  const [path = ''] = href.split('#')
  if (!path.endsWith('.md')) return text
  const topic = posix.join(posix.dirname(layout.topic), path.slice(0, -3))
  return topic === layout.topic || topic.startsWith('..') || topic.startsWith('development/')
    ? text
    : `${text} (${topic})`
}

const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
}

function unescaped(text: string): string {
  return text.replaceAll(/&(lt|gt|quot|#39|amp);/g, entity => entities[entity] ?? entity)
}

function listLines({ items, ordered, start }: Tokens.List, layout: TextLayout): string[] {
  return items.flatMap((item, index) => {
    const mark = ordered ? `${Number(start || 1) + index}. ` : '- '
    const parts = item.tokens
      .map(token => blockLines(token, narrower(layout, mark.length)))
      .filter(lines => lines.length > 0)
    return indented(parts.flat(), mark, ' '.repeat(mark.length))
  })
}

/** Returns a table with columns below each other; if that is too wide, each row as a paragraph. */
function tableText({ header, rows }: Tokens.Table, layout: TextLayout): string[] {
  const all = [header, ...rows].map(row => row.map(cell => inline(cell.tokens, layout)))
  const widths = header.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  const isNarrow = widths.reduce((sum, width) => sum + width + 2, 0) <= layout.width + 2
  if (isNarrow)
    return all.map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  const [names = [], ...others] = all
  const rowLines = others.flatMap(([first = '', ...cells]) => [
    ...wrapped(first, layout.width),
    ...cells.flatMap((cell, index) => {
      if (cell === '') return []
      const text = cells.length > 1 ? `${names[index + 1]}: ${cell}` : cell
      return indented(wrapped(text, layout.width - 4), '    ', '    ')
    }),
  ])
  return [...wrapped(names.join('  '), layout.width), ...rowLines]
}

function narrower(layout: TextLayout, columns: number): TextLayout {
  return { ...layout, width: Math.max(layout.width - columns, 20) }
}

function indented(lines: readonly string[], first: string, others: string): string[] {
  return lines.map((line, index) => (line === '' ? line : `${index === 0 ? first : others}${line}`))
}

/** Returns a text in lines of at most so many columns; a longer word has a line of its own. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
