import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { DatasetItem } from '../../schemas/dataset.ts'
import type { ModelItem } from '../../schemas/model.ts'
import { client, handledByPage } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html, onSubmit, textOf } from '../markup.ts'
import { shortDigest } from '../numbers.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { SameAs } from '../parts/same-as.ts'
import { Link, viewUrl, visit } from '../routing.ts'
import { offeredStrategies, type SearchForm, searchCommands, searchRequestOf, strategyOf } from './search-request.ts'

/** Most data sets that the form offers, the newest ones. */
const mostDatasets = 200

/** The form that starts a search among the models in the address. */
export function SearchView({ query }: { query: URLSearchParams }) {
  const ids = query.getAll('model')
  const { value, error, isLoading } = useLoaded(`search ${ids.join(' ')}`, async signal => ({
    datasets: (await client.listDatasets({ limit: mostDatasets }, { signal })).items,
    metrics: (await client.listScoringMetrics({ signal })).items,
    models: await Promise.all(ids.map(id => client.getModel(id, { signal }))),
  }))
  return html`<p>${h(Link, { href: viewUrl('/models') }, '← Models')}</p>
    <h1 tabindex="-1">Search for the best soup</h1>
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the models.</p>`}
    ${ids.length < 2 && html`<p>Select two or more models in the list of models first.</p>`}
    ${value?.datasets.length === 0 && html`<p>A search scores soups on a data set. ${h(Link, { href: viewUrl('/datasets') }, 'Upload one first')}.</p>`}
    ${value && ids.length > 1 && value.datasets.length > 0 && h(SearchFields, { key: ids.join(' '), ...value })}`
}

type FieldsProps = {
  models: readonly ModelItem[]
  datasets: readonly DatasetItem[]
  metrics: readonly { name: string; description: string }[]
}

function SearchFields({ models, datasets, metrics }: FieldsProps) {
  const [form, setForm] = useState<SearchForm>({
    models: models.map(({ id }) => id),
    strategy: 'greedy',
    setting: '',
    dataset: datasets[0]?.id ?? '',
    metric: metrics.some(({ name }) => name === 'accuracy') ? 'accuracy' : (metrics[0]?.name ?? ''),
    test: '',
    evaluations: '',
    name: '',
  })
  const [error, setError] = useState<unknown>(undefined)
  const [isSending, setSending] = useState(false)
  const change = (fields: Partial<SearchForm>) => setForm(before => ({ ...before, ...fields }))
  const text = (field: keyof SearchForm) => (event: Event) => change({ [field]: textOf(event) })
  const fitting = offeredStrategies.filter(({ min, max }) => models.length >= min && models.length <= max)
  const strategy = strategyOf(form)
  const send = async () => {
    setSending(true)
    try {
      const job = await client.createSearch(searchRequestOf(form))
      visit(viewUrl(`/jobs/${job.id}`))
    } catch (error) {
      if (!handledByPage(error)) setError(error)
      setSending(false)
    }
  }
  const chooseStrategy = (event: Event) => {
    const chosen = fitting.find(({ type }) => type === textOf(event))
    if (chosen) change({ strategy: chosen.type, setting: '' })
  }
  return html`<form class="soup" onSubmit=${onSubmit(() => void send())}>
    <p>Among ${models.map(({ name, sha256, id }) => name ?? shortDigest(sha256 ?? id)).join(', ')}.</p>
    <div class="field">
      <label>Search strategy <select value=${form.strategy} onChange=${chooseStrategy}>
        ${fitting.map(({ type }) => html`<option value=${type}>${type}</option>`)}
      </select></label>
      <span class="faint">${strategy?.words}.</span>
    </div>
    ${
      strategy?.setting &&
      html`<div class="field">
        <label>${strategy.setting.words} <input type="number" step="1" min=${strategy.setting.least} max=${strategy.setting.most} placeholder=${strategy.setting.initial} value=${form.setting} onInput=${text('setting')} /></label>
      </div>`
    }
    <div class="field">
      <label>Data set <select value=${form.dataset} onChange=${text('dataset')}>${datasets.map(datasetOption)}</select></label>
      <span class="faint">Soups are chosen by their scores on it.</span>
    </div>
    <div class="field">
      <label>Metric <select value=${form.metric} onChange=${text('metric')}>
        ${metrics.map(({ name }) => html`<option value=${name}>${name}</option>`)}
      </select></label>
      <span class="faint">${metrics.find(({ name }) => name === form.metric)?.description}</span>
    </div>
    <div class="field">
      <label>Test data set <select value=${form.test} onChange=${text('test')}>
        <option value="">none</option>
        ${datasets.map(datasetOption)}
      </select></label>
      <span class="faint">Other samples, which tell at the end if the soup helps.</span>
    </div>
    <div class="field">
      <label>Most candidates <input type="number" step="1" min="1" placeholder="no limit" value=${form.evaluations} onInput=${text('evaluations')} /></label>
    </div>
    <div class="field">
      <label>Name of the soup <input value=${form.name} maxlength="200" onInput=${text('name')} /></label>
    </div>
    ${h(ErrorNotice, { error })}
    <p><button type="submit" class="primary" disabled=${isSending}>Start the search</button></p>
    ${h(SameAs, { what: 'this search', commands: searchCommands(form) })}
  </form>`
}

function datasetOption({ id, name }: DatasetItem) {
  return html`<option value=${id}>${name ?? id}</option>`
}
