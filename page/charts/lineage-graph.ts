import { h } from 'preact'
import type { ModelRecord } from '../../schemas/model.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { Link, viewUrl } from '../routing.ts'
import { type Ancestry, loadAncestry, mostAncestors } from './ancestry.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'

/** Pixels between two models of a generation. */
const rowPixels = 64

/** A graph of the models that a soup descends from: its ancestors on the left, itself on the right. */
export function LineageGraph({ model }: { model: ModelRecord }) {
  const { value, error, isLoading } = useLoaded(`ancestry ${model.id}`, signal => loadAncestry(model, signal))
  return html`${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the ancestors.</p>`}
    ${value && h(Graph, { ancestry: value })}`
}

function Graph({ ancestry: { models, descents, isCut } }: { ancestry: Ancestry }) {
  const oldest = models.reduce((most, { generation }) => Math.max(most, generation), 0)
  const counts = new Map<number, number>()
  const placed = models.map(each => {
    const row = counts.get(each.generation) ?? 0
    counts.set(each.generation, row + 1)
    return { ...each, row }
  })
  const rows = Math.max(...counts.values())
  // Generations with fewer models stand in the middle.
  const heightOf = ({ generation, row }: (typeof placed)[number]) => row + (rows - (counts.get(generation) ?? 0)) / 2
  const indexOf = new Map(placed.map(({ sha256 }, index) => [sha256, index]))
  const nameOf = (digest: string) => placed[indexOf.get(digest) ?? 0]?.name ?? digest
  const picture: ChartPicture = ({ text, faint, good, ground, series: [own = ''] }) => ({
    grid: { left: 12, right: 12, top: 12, bottom: 12 },
    xAxis: { type: 'value', show: false, min: -0.4, max: oldest + 0.4 },
    yAxis: { type: 'value', show: false, inverse: true, min: -0.5, max: rows - 0.5 },
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'graph',
        coordinateSystem: 'cartesian2d',
        symbolSize: 18,
        edgeSymbol: ['none', 'arrow'],
        edgeSymbolSize: 8,
        lineStyle: { color: faint, width: 1.5, opacity: 1 },
        label: { show: true, position: 'bottom', color: text, width: 110, overflow: 'truncate' },
        edgeLabel: {
          show: descents.length <= 24,
          color: text,
          backgroundColor: ground,
          formatter: ({ dataIndex }) => descents[dataIndex]?.weight ?? '',
        },
        data: placed.map(each => ({
          name: each.sha256,
          value: [oldest - each.generation, heightOf(each)],
          label: { formatter: each.name },
          tooltip: { formatter: `${each.name}\n${each.made ?? (each.isKept ? 'upload' : 'deleted')}` },
          itemStyle: { color: each.generation === 0 ? good : each.isKept ? own : faint },
        })),
        edges: descents.map(({ from, to, weight }) => ({
          source: indexOf.get(from) ?? 0,
          target: indexOf.get(to) ?? 0,
          tooltip: { formatter: `${nameOf(from)} in ${nameOf(to)}\nweight ${weight}` },
        })),
      },
    ],
  })
  const uploads = models.filter(({ made, isKept }) => made === undefined && isKept).length
  return h(Chart, {
    title: 'Lineage',
    summary: `The model goes back ${oldest === 1 ? 'one generation' : `${oldest} generations`}, to ${uploads === 1 ? 'one upload' : `${uploads} uploads`}.${isCut ? ` The graph shows ${mostAncestors} models at most.` : ''}`,
    picture,
    height: 60 + rowPixels * rows,
    columns: [{ title: 'Model' }, { title: 'Went into' }, { title: 'Weight', isNumber: true }],
    rows: descents.map(({ from, to, weight }) => [
      h(Link, { href: viewUrl(`/models/${from}`) }, nameOf(from)),
      h(Link, { href: viewUrl(`/models/${to}`) }, nameOf(to)),
      weight,
    ]),
  })
}
