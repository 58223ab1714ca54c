import { median, type Row, type Side } from './harness.ts'

/** Rows as one markdown table, and beneath it who the sides are. */
export function markdown(rows: readonly Row[]): string {
  const measured = rows.flatMap(row => (row.skipped === null ? [row.ours, row.baseline] : []))
  const sides = [...new Map(measured.map(side => [side.name, side])).values()]
  return [
    'Tureen / the baseline, as a ratio of medians over runs that took turns: **below 1 Tureen takes less**, 0.25 is four times as fast.',
    'Wall time, where no other unit stands there. In parentheses the least and the greatest; for the ratio, of those within one round.',
    '',
    '| row | Tureen / baseline | target | Tureen | baseline | | n |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(line),
    '',
    ...[...Map.groupBy(rows, ({ what }) => what)].map(
      ([what, those]) => `- ${those.map(({ row }) => row).join(', ')}: ${what}`,
    ),
    ...sides.map(side => `- ${side.name}: ${[side.description, ...details(side)].join('; ')}`),
  ].join('\n')
}

function line(row: Row): string {
  const target = row.target === null ? '' : `≤ ${row.target}`
  if (row.skipped !== null)
    return `| ${row.row} | skipped: ${row.skipped.replaceAll('|', '\\|')} | ${target} | | | ${row.baseline} | |`
  const { ratio, ratios, ours, baseline, of, runs } = row
  return `| ${row.row} | **${figure(ratio)}** ${spread(ratios)} | ${target} | ${quantity(ours, of)} | ${quantity(baseline, of)} | ${baseline.name} | ${runs} |`
}

function quantity(side: Side, of: string): string {
  return `${figure(side.median)} ${of === 'seconds' ? 's' : of} ${spread(side.values)}`
}

function details({ details }: Side): string[] {
  return Object.entries(details).map(([key, values]) => `${key} ${figure(median(values))} ${spread(values)}`)
}

function spread(values: readonly number[]): string {
  return `(${figure(Math.min(...values))}–${figure(Math.max(...values))})`
}

/** Three digits that count. */
function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
