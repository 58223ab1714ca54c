import { h } from 'preact'
import type { SearchResult } from '../../schemas/search.ts'
import { numberText } from '../numbers.ts'
import { axis } from './axis.ts'
import { Chart } from './chart.ts'
import type { ChartPicture } from './draw-chart.ts'
import { isBetter, isRuledOut, modelNames } from './search-names.ts'

/** A model that a greedy search tried to add. `score`: of the soup with it. `isKept`: it stayed. */
type GreedyStep = { model: string; score: number | null; isKept: boolean }

/**
 * Returns the steps of a greedy search, the best single model first. A model was kept if the next soup that the search tried has it too.
 *
 * @param accept the rule of the request by which the last model was kept or not
 */
export function greedySteps({ candidates, direction }: SearchResult, accept: '>=' | '>'): GreedyStep[] {
  const tried = candidates.filter(({ models }) => models.length > 1)
  const singles = candidates.filter(({ models, parameters }) => models.length === 1 && parameters === undefined)
  const [first, second] = tried
  // The first soup has the best single model and the one after it. The best has the better score, and comes first in a tie.
  const start = singles
    .filter(({ models: [id = ''] }) => first === undefined || first.models.includes(id))
    .reduce<(typeof singles)[number] | undefined>((best, single) => {
      if (best === undefined || isRuledOut(best)) return single
      if (single.score === null || isRuledOut(single)) return best
      return best.score === null || isBetter(single.score, best.score, direction) ? single : best
    }, undefined)
  if (start === undefined) return []
  let members = start.models
  let best = start.score
  const steps: GreedyStep[] = [{ model: members[0] ?? '', score: start.score, isKept: true }]
  for (const [index, trial] of tried.entries()) {
    const added = trial.models.filter(id => !members.includes(id))
    const [model] = added
    if (model === undefined || added.length > 1) break
    const next = index === 0 ? second : tried[index + 1]
    const isKept = next
      ? trial.models.every(id => next.models.includes(id))
      : trial.score !== null &&
        !isRuledOut(trial) &&
        (best === null || isBetter(trial.score, best, direction) || (accept === '>=' && trial.score === best))
    steps.push({ model, score: trial.score, isKept })
    if (!isKept) continue
    members = trial.models
    best = trial.score
  }
  return steps
}

/** The path of a greedy search: each model that it tried to add, and whether the model stayed. */
export function GreedyPath({ result, accept }: { result: SearchResult; accept: '>=' | '>' }) {
  const nameOf = modelNames(result)
  const steps = greedySteps(result, accept)
  const kept = steps.filter(({ isKept }) => isKept)
  const labels = steps.map(({ model }, index) => `${index === 0 ? '' : '+ '}${nameOf(model)}`)
  const picture: ChartPicture = ({ text, line, good, bad }) => ({
    legend: {},
    xAxis: { type: 'category', data: labels, axisLabel: { color: text } },
    yAxis: { ...axis('Score', text, line), scale: true },
    tooltip: { trigger: 'item' },
    series: [
      {
        type: 'line',
        name: 'Kept',
        connectNulls: true,
        symbol: 'circle',
        symbolSize: 11,
        itemStyle: { color: good },
        data: steps.map(({ score, isKept }) => (isKept ? score : null)),
      },
      {
        type: 'scatter',
        name: 'Left out',
        symbol: 'diamond',
        symbolSize: 13,
        itemStyle: { color: bad },
        data: steps.map(({ score, isKept }) => (isKept ? null : score)),
      },
    ],
  })
  return h(Chart, {
    title: 'Path of the greedy search',
    summary: `From best to worst, the search kept ${kept.length} of ${steps.length} models: ${kept.map(({ model }) => nameOf(model)).join(', ')}.`,
    picture,
    columns: [{ title: 'Model' }, { title: 'Score with it', isNumber: true }, { title: 'Outcome' }],
    rows: steps.map(({ model, score, isKept }) => [nameOf(model), numberText(score), isKept ? 'kept' : 'left out']),
  })
}
