import { type ComponentChildren, h } from 'preact'
import { html } from '../markup.ts'
import { Link, type ViewAddress, viewUrl } from '../routing.ts'
import { DatasetView } from './dataset-view.ts'
import { DatasetsView } from './datasets-view.ts'
import { JobView } from './job-view.ts'
import { JobsView } from './jobs-view.ts'
import { ModelView } from './model-view.ts'
import { ModelsView } from './models-view.ts'
import { SearchView } from './search-view.ts'
import { SoupView } from './soup-view.ts'
import { UsageView } from './usage-view.ts'

/** Returns the view that an address names. `routes/page.ts` lists the same paths. */
export function viewOf({ path, query }: ViewAddress): ComponentChildren {
  const [view = '', reference] = path.replace(/^\/page\/?/, '').split('/')
  const id = reference === undefined || reference === '' ? undefined : decodeURIComponent(reference)
  if (view === 'models' || view === '')
    return id === undefined ? h(ModelsView, { query }) : h(ModelView, { key: id, id, query })
  if (view === 'jobs') return id === undefined ? h(JobsView, { query }) : h(JobView, { key: id, id })
  if (view === 'datasets') return id === undefined ? h(DatasetsView, { query }) : h(DatasetView, { key: id, id })
  if (view === 'soup') return h(SoupView, { query })
  if (view === 'search') return h(SearchView, { query })
  if (view === 'usage') return h(UsageView, {})
  return html`<h1 tabindex="-1">There is no such view</h1>
    <p>${h(Link, { href: viewUrl('/models') }, 'Go to the models')}</p>`
}
