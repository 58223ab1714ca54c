import type { ModelPaths } from '../storage/model-paths.ts'
import type {
  CalibrationTask,
  DatasetTask,
  MetricScoring,
  MetricTask,
  RunnableModel,
  ScoringTask,
  SearchedScoring,
  Task,
} from './protocol.ts'

/** The kinds of files of a task: a model's own file, its external data, a file of a data set, and the plan of a merge. */
type TaskFileKind = 'model' | 'data' | 'dataset' | 'plan'

/**
 * Returns a task that names other paths. A task names nothing else of the store.
 * @param at returns the new path of a file
 */
export function withPaths(task: Task, at: (path: string, kind: TaskFileKind) => string): Task {
  const dataset = ({ files }: DatasetTask): DatasetTask => ({
    files: files.map(file => ({ ...file, path: at(file.path, 'dataset') })),
  })
  const calibration = (each: CalibrationTask): CalibrationTask => ({ ...each, dataset: dataset(each.dataset) })
  const model = ({ path, data }: ModelPaths): ModelPaths => ({
    path: at(path, 'model'),
    data: data.map(each => ({ ...each, path: at(each.path, 'data') })),
  })
  const runnable = (each: RunnableModel): RunnableModel => ('soup' in each ? each : model(each))
  const metric = (each: MetricTask): MetricTask =>
    each.kind === 'model' ? { ...each, model: model(each.model) } : each
  const scoring = <Scoring extends ScoringTask>(each: Scoring): Scoring => ({ ...each, dataset: dataset(each.dataset) })
  const byMetric = <Scoring extends MetricScoring>(each: Scoring): Scoring => ({
    ...scoring(each),
    metric: metric(each.metric),
  })
  const searched = <Searched extends Pick<SearchedScoring, 'models' | 'soups'>>(each: Searched): Searched => ({
    ...each,
    models: each.models.map(runnable),
    soups: {
      ...each.soups,
      inputs: each.soups.inputs.map(model),
      plans: new Map([...each.soups.plans].map(([base, path]) => [base, at(path, 'plan')])),
      calibration: each.soups.calibration && calibration(each.soups.calibration),
    },
  })
  switch (task.type) {
    case 'evaluate': {
      const { model: run, metrics } = task.task
      return { type: task.type, task: { ...scoring(task.task), model: model(run), metrics: metrics.map(metric) } }
    }
    case 'score': {
      const { terms, datasets } = task.task
      return {
        type: task.type,
        task: { ...searched(task.task), terms: terms.map(byMetric), datasets: datasets.map(dataset) },
      }
    }
    case 'compare':
      return { type: task.type, task: byMetric(searched(task.task)) }
    case 'tellMistakes':
      return { type: task.type, task: byMetric(searched(task.task)) }
    case 'measure': {
      const { model: measured, calibration: data } = task.task
      return { type: task.type, task: { model: model(measured), calibration: calibration(data) } }
    }
  }
}
