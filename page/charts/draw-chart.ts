import type { ECharts, EChartsOption } from 'echarts'
import { init } from 'echarts/dist/echarts.esm.min.mjs'
import { chartColours } from './colours.ts'

/** Returns the description of a picture, as ECharts takes it, in the colours of the page. */
export type ChartPicture = (colours: ReturnType<typeof chartColours>) => EChartsOption

/** A chart on the page. */
export type DrawnChart = {
  /** Draws another picture in place of the present one. */
  draw(picture: ChartPicture): void
  remove(): void
}

const isDark = matchMedia('(prefers-color-scheme: dark)')
const wantsStillness = matchMedia('(prefers-reduced-motion: reduce)')

/** Returns a picture with what all pictures share. Tooltips are drawn on the canvas: those of HTML need styles that the policy refuses. */
function completed(picture: ChartPicture): EChartsOption {
  const colours = chartColours()
  const { tooltip, legend, ...own } = picture(colours)
  const { text, ground, line, series } = colours
  return {
    animation: !wantsStillness.matches,
    animationDuration: 200,
    color: [...series],
    textStyle: { color: text, fontFamily: 'system-ui, "DejaVu Sans", sans-serif', fontSize: 13 },
    grid: { left: 12, right: 24, top: legend === undefined ? 12 : 40, bottom: 12, outerBoundsContain: 'all' },
    ...own,
    ...(legend === undefined ? {} : { legend: { top: 0, textStyle: { color: text }, ...legend } }),
    tooltip: {
      renderMode: 'richText',
      confine: true,
      backgroundColor: ground,
      borderColor: line,
      textStyle: { color: text },
      ...tooltip,
    },
  }
}

/** Draws a chart on a canvas in an element. It follows the size of the element, and the colour scheme. */
export function drawChart(element: HTMLElement, first: ChartPicture): DrawnChart {
  let picture = first
  let drawn: ECharts
  const start = () => {
    drawn = init(element, null, { renderer: 'canvas' })
    drawn.setOption(completed(picture))
  }
  const restart = () => {
    drawn.dispose()
    start()
  }
  start()
  const sizes = new ResizeObserver(() => drawn.resize())
  sizes.observe(element)
  isDark.addEventListener('change', restart)
  wantsStillness.addEventListener('change', restart)
  return {
    draw(next) {
      picture = next
      drawn.setOption(completed(picture), { notMerge: true })
    },
    remove() {
      sizes.disconnect()
      isDark.removeEventListener('change', restart)
      wantsStillness.removeEventListener('change', restart)
      drawn.dispose()
    },
  }
}

/** Returns a picture as an SVG document. @param width in pixels @param height in pixels */
export function svgOf(picture: ChartPicture, width: number, height: number): string {
  const drawn = init(null, null, { renderer: 'svg', ssr: true, width, height })
  drawn.setOption({ ...completed(picture), animation: false, backgroundColor: chartColours().ground })
  const text = drawn.renderToSVGString()
  drawn.dispose()
  return text
}
