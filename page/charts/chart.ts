import { type ComponentChildren, h } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { html } from '../markup.ts'
import { saveFile } from '../parts/save-file.ts'
import { Table, type TableColumn } from '../parts/table.ts'
import type { ChartPicture, DrawnChart } from './draw-chart.ts'

/** Most rows of a chart's table that the page shows at once. */
const mostRows = 500

type ChartProps = {
  title: string
  /** The finding of the chart in words: the text alternative of the picture. */
  summary: string
  picture: ChartPicture
  columns: readonly TableColumn[]
  rows: readonly (readonly ComponentChildren[])[]
  /** In pixels. */
  height?: number
  /** Fields that change the picture, above it. */
  children?: ComponentChildren
}

/** A picture with its finding in words, its numbers as a table behind a toggle, and a button that saves it as SVG. */
export function Chart({ title, summary, picture, columns, rows, height = 320, children }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const drawn = useRef<DrawnChart | undefined>(undefined)
  const latest = useRef(picture)
  latest.current = picture
  const [failed, setFailed] = useState(false)
  const id = useId()
  useEffect(() => {
    const { current: element } = place
    let isGone = false
    // ECharts is 0.4 MB as transferred, so it is loaded with the first chart.
    import('./draw-chart.ts').then(
      ({ drawChart }) => {
        if (element && !isGone) drawn.current = drawChart(element, latest.current)
      },
      () => setFailed(true),
    )
    return () => {
      isGone = true
      drawn.current?.remove()
      drawn.current = undefined
    }
  }, [])
  useEffect(() => drawn.current?.draw(picture), [picture])
  const save = async () => {
    const { svgOf } = await import('./draw-chart.ts')
    const text = svgOf(picture, place.current?.clientWidth ?? 800, height)
    saveFile(new Blob([text], { type: 'image/svg+xml' }), `${title.toLowerCase().replaceAll(/\W+/g, '-')}.svg`)
  }
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <p class="faint" id=${id}>${summary}</p>
    ${children}
    ${failed && html`<p class="notice error" role="alert">The picture could not be loaded. The table has its numbers. Load the page again.</p>`}
    <div ref=${place} role="img" aria-label=${title} aria-describedby=${id} style=${{ height: `${height}px` }}></div>
    <p><button type="button" class="quiet" onClick=${save} aria-label="Save as SVG: ${title}">Save as SVG</button></p>
    ${h(ChartTable, { title, columns, rows })}
  </figure>`
}

function ChartTable({ title, columns, rows }: Pick<ChartProps, 'title' | 'columns' | 'rows'>) {
  const [isOpen, setOpen] = useState(false)
  const toggle = ({ currentTarget }: Event) =>
    setOpen(currentTarget instanceof HTMLDetailsElement && currentTarget.open)
  const shown = rows.slice(0, mostRows).map((cells, index) => ({ key: String(index), cells }))
  return html`<details onToggle=${toggle}>
    <summary>Table: ${title}</summary>
    ${isOpen && h(Table, { caption: `Table: ${title}`, columns, rows: shown })}
    ${isOpen && rows.length > mostRows && html`<p>These are the first ${mostRows} of ${rows.length} rows.</p>`}
  </details>`
}
