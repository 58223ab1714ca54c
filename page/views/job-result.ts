import { h } from 'preact'
import type { ConversionResult } from '../../schemas/conversion.ts'
import type { EvaluationResult } from '../../schemas/evaluation.ts'
import type { ExportResult } from '../../schemas/export.ts'
import type { JobOf, JobRecord } from '../../schemas/job.ts'
import type { MergeResult } from '../../schemas/merge.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText, numberText, secondsText } from '../numbers.ts'
import { ErrorNotice, Warnings } from '../parts/notices.ts'
import { Facts, Table } from '../parts/table.ts'
import { verdictOf } from '../parts/verdict.ts'
import { Link, viewUrl } from '../routing.ts'
import { Comparison } from './comparison.ts'

/** The result of a job that has succeeded. Nothing before. */
export function JobResult({ job }: { job: JobRecord }) {
  if (job.result === undefined) return null
  if (job.type === 'merge') return Merged({ result: job.result })
  if (job.type === 'comparison') return h(Comparison, { result: job.result })
  if (job.type === 'evaluation') return Evaluated({ result: job.result })
  if (job.type === 'export') return h(FoundExport, { result: job.result })
  if (job.type === 'conversion') return h(Converted, { result: job.result })
  return h(Searched, { result: job.result, strategy: job.request.strategy })
}

function FoundExport({ result }: { result: ExportResult }) {
  const { id, model, checkpoint, counts, warnings } = result.export
  return html`<h2>Result</h2>
    ${h(Facts, {
      facts: {
        Export: id,
        'ONNX model': modelLink(model),
        Checkpoint: modelLink(checkpoint),
        'Weights from the checkpoint': countText(counts.weights),
        'Weights kept': countText(counts.unmatched),
      },
    })}
    ${h(Warnings, { warnings })}`
}

function Converted({ result: { model, checkpoint, report } }: { result: ConversionResult }) {
  const { weights, kept, seconds, warnings } = report
  return html`<h2>Result</h2>
    ${h(Facts, {
      facts: {
        'ONNX model': modelLink(model),
        Size: bytesText(model.bytes),
        Checkpoint: modelLink(checkpoint),
        'Weights from the checkpoint': countText(weights),
        'Weights kept': countText(kept),
        Time: secondsText(seconds),
      },
    })}
    ${h(Warnings, { warnings })}`
}

type NamedLink = { id?: string | undefined; name?: string | null | undefined }

function modelLink({ id, name }: NamedLink) {
  return id === undefined
    ? (name ?? 'a soup that is not stored')
    : h(Link, { href: viewUrl(`/models/${id}`) }, name ?? id)
}

function Merged({ result: { model, models = [], report } }: { result: MergeResult }) {
  const { tensors, nonFinite, seconds, bytesRead, bytesWritten, warnings } = report
  return html`<h2>Result</h2>
    ${h(Facts, {
      facts: {
        Soup: modelLink(model),
        Size: bytesText(model.bytes),
        'Made from': models.map((each, index) => html`${index > 0 && ', '}${modelLink(each)}`),
        'Averaged tensors': countText(tensors.averaged),
        'Copied floats': countText(tensors.copied),
        'Other tensors': countText(tensors.nonFloat),
        'NaN and infinite elements': nonFinite > 0 && countText(nonFinite),
        'Read and written': `${bytesText(bytesRead)} and ${bytesText(bytesWritten)} in ${secondsText(seconds)}`,
      },
    })}
    ${h(Warnings, { warnings })}`
}

function Evaluated({ result }: { result: EvaluationResult }) {
  const { model, dataset, metrics, samples, seconds, latencyMs, batchSize, notes } = result
  return html`<h2>Result</h2>
    ${h(Table, {
      caption: 'Scores',
      columns: [{ title: 'Metric' }, { title: 'Score', isNumber: true }],
      rows: Object.entries(metrics).map(([name, value]) => ({ key: name, cells: [name, numberText(value)] })),
    })}
    ${h(Facts, {
      facts: {
        Model: modelLink(model),
        'Data set': dataset && h(Link, { href: viewUrl(`/datasets/${dataset.id}`) }, dataset.name ?? dataset.id),
        Samples: countText(samples),
        Took: secondsText(seconds),
        'One run': `${numberText(latencyMs.median)} ms (median), ${numberText(latencyMs.p95)} ms (95th percentile), ${batchSize} samples each`,
      },
    })}
    ${h(Warnings, { warnings: notes })}`
}

type SearchedProps = {
  result: NonNullable<JobOf<'search'>['result']>
  strategy: JobOf<'search'>['request']['strategy']
}

function Searched({ result, strategy }: SearchedProps) {
  const { model, recommended, winner, bestSingle, uniform, evaluations, seconds, test, improved, notes } = result
  const { value: charts, error, isLoading } = useLoaded('charts', () => import('../charts/search-charts.ts'))
  const scores = [
    ['Winner', winner.score, test?.winner],
    ['Best single model', bestSingle.score, test?.bestSingle],
    ...(uniform ? [['Mean of all', uniform.score, test?.uniform] as const] : []),
  ] as const
  return html`<h2>Result</h2>
    <p class="verdict ${improved === null ? 'unknown' : improved ? 'succeeded' : 'failed'}">${verdictOf(result)}</p>
    ${h(Table, {
      caption: 'Scores on selection and on test',
      columns: [{ title: 'Candidate' }, { title: 'Selection', isNumber: true }, { title: 'Test', isNumber: true }],
      rows: scores.map(([name, selection, onTest]) => ({
        key: name,
        cells: [name, numberText(selection), numberText(onTest)],
      })),
    })}
    ${h(Facts, {
      facts: {
        Model: modelLink(model),
        Recommended: recommended && html`${modelLink(recommended)}: ${recommended.reason}`,
        Difference:
          test &&
          `${numberText(test.difference)}${test.interval ? `, interval ${numberText(test.interval[0])} to ${numberText(test.interval[1])}` : ''}`,
        'Scored soups': countText(evaluations),
        Took: secondsText(seconds),
      },
    })}
    ${h(Warnings, { warnings: notes })} ${h(ErrorNotice, { error })}
    ${isLoading && html`<p role="status">Loading the charts.</p>`} ${charts && h(charts.SearchCharts, { result, strategy })}`
}
