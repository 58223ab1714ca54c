import { median, type Row, type Side } from './harness.ts'

/** Rows as one markdown table, and beneath it who the sides are. */
export function markdown(rows: readonly Row[]): string {
  const measured = rows.flatMap(row => (row.skipped === null ? [row.ours, row.baseline] : []))
  const sides = [...new Map(measured.map(side => [side.name, side])).values()]
  return [
    'Wall time of Tureen / wall time of the baseline, as a ratio of medians over runs that took turns: **below 1 Tureen is faster**,',
    '0.25 is four times as fast. In parentheses the least and the greatest; for the ratio, of those within one round.',
    '',
    '| row | Tureen / baseline | target | Tureen, s | baseline, s | baseline | n |',
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
  const { ratio, ratios, ours, baseline, runs } = row
  return `| ${row.row} | **${figure(ratio)}** ${spread(ratios)} | ${target} | ${seconds(ours)} | ${seconds(baseline)} | ${baseline.name} | ${runs} |`
}

function seconds(side: Side): string {
  return `${figure(side.median)} ${spread(side.seconds)}`
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
