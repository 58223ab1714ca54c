/** Names of the colours of the page's style sheet that charts use. */
const names = ['text', 'faint', 'ground', 'line', 'good', 'bad'] as const

/** Number of colours for series, `--series-1` and so on. */
const seriesCount = 6

/** Returns the colours of the page, as its style sheet has them for the present colour scheme. */
export function chartColours(): Record<(typeof names)[number], string> & {
  series: readonly string[]
  low: string
  high: string
} {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const [text = '', faint = '', ground = '', line = '', good = '', bad = ''] = names.map(read)
  const series = Array.from({ length: seriesCount }, (_, index) => read(`series-${index + 1}`))
  return { text, faint, ground, line, good, bad, series, low: read('scale-low'), high: read('scale-high') }
}
