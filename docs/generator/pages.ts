import { apiPage } from './api.ts'
import { configurationPage } from './configuration.ts'
import { dataFormatsPage } from './data-formats.ts'
import { errorsPage } from './errors.ts'
import { mergeMethodsPage } from './merge-methods.ts'
import { scoringMetricsPage } from './scoring-metrics.ts'
import { serviceMetricsPage } from './service-metrics.ts'
import { strategiesPage } from './strategies.ts'

/** Returns the texts of the generated pages by file name in docs/reference/. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['api.md', await apiPage()],
    ['configuration.md', configurationPage()],
    ['data-formats.md', dataFormatsPage()],
    ['errors.md', errorsPage()],
    ['merge-methods.md', mergeMethodsPage()],
    ['scoring-metrics.md', scoringMetricsPage()],
    ['search-strategies.md', strategiesPage()],
    ['service-metrics.md', serviceMetricsPage()],
  ])
}
