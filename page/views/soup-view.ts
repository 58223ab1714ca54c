import { h } from 'preact'
import { useState } from 'preact/hooks'
import type { ModelItem } from '../../schemas/model.ts'
import { client, handledByPage } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html, onSubmit, textOf } from '../markup.ts'
import { shortDigest } from '../numbers.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { SameAs } from '../parts/same-as.ts'
import { Link, viewUrl, visit } from '../routing.ts'
import { ParameterInput, parameterFields } from './soup-parameters.ts'
import { fittingMethods, type MergeMethodItem, mergeRequestOf, type SoupForm, soupCommands } from './soup-request.ts'

/** The form that makes a soup of the models in the address. */
export function SoupView({ query }: { query: URLSearchParams }) {
  const ids = query.getAll('model')
  const { value, error, isLoading } = useLoaded(`soup ${ids.join(' ')}`, async signal => ({
    methods: (await client.listMergeMethods({ signal })).items,
    models: await Promise.all(ids.map(id => client.getModel(id, { signal }))),
  }))
  return html`<p>${h(Link, { href: viewUrl('/models') }, '← Models')}</p>
    <h1 tabindex="-1">Make a soup</h1>
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the models.</p>`}
    ${ids.length === 0 && html`<p>Select two or more models in the list of models first.</p>`}
    ${value && ids.length > 0 && h(SoupFields, { key: ids.join(' '), ...value })}`
}

function SoupFields({ models, methods }: { models: readonly ModelItem[]; methods: readonly MergeMethodItem[] }) {
  const ids = models.map(({ id }) => id)
  const [form, setForm] = useState<SoupForm>({
    models: ids,
    method: 'linear',
    weights: {},
    parameters: {},
    base: '',
    name: '',
  })
  const [error, setError] = useState<unknown>(undefined)
  const [isSending, setSending] = useState(false)
  const change = (fields: Partial<SoupForm>) => setForm(before => ({ ...before, ...fields }))
  const fitting = fittingMethods(methods, models.length)
  const method = fitting.find(({ name }) => name === form.method)
  if (method === undefined) return html`<p>No merge method takes ${models.length} models.</p>`
  const fields = parameterFields(method.parameters)
  const body = mergeRequestOf(form, method, fields)
  const families = new Set(models.map(model => ('unreadable' in model ? null : model.fingerprint)))
  const send = async () => {
    setSending(true)
    try {
      const job = await client.createMerge(body)
      visit(viewUrl(`/jobs/${job.id}`))
    } catch (error) {
      if (!handledByPage(error)) setError(error)
      setSending(false)
    }
  }
  const nameOf = (model: ModelItem) => model.name ?? shortDigest(model.sha256 ?? model.id)
  return html`<form class="soup" onSubmit=${onSubmit(() => void send())}>
    ${families.size > 1 && html`<p class="notice warning">These models are of different families. The server refuses networks that differ, and says where.</p>`}
    <div class="field">
      <label>Merge method <select value=${form.method} onChange=${(event: Event) => change({ method: textOf(event), parameters: {} })}>
        ${fitting.map(({ name }) => html`<option value=${name}>${name}</option>`)}
      </select></label>
      <span class="faint">${method.description}.</span>
    </div>
    <fieldset>
      <legend>${method.weights ? 'Weights' : 'Models'}</legend>
      ${models.map(model =>
        method.weights
          ? html`<div class="field" key=${model.id}>
              <label>${nameOf(model)}
                <input type="number" step="any" placeholder="1" value=${form.weights[model.id] ?? ''} disabled=${method.needsBase && form.base === model.id}
                  onInput=${(event: Event) => change({ weights: { ...form.weights, [model.id]: textOf(event) } })} />
              </label>
            </div>`
          : html`<p key=${model.id}>${nameOf(model)}</p>`,
      )}
      ${method.weights && html`<p class="faint">An empty field is 1: without weights, the soup is the mean. ${method.normalize ? 'The sum of the weights does not matter.' : ''}</p>`}
    </fieldset>
    <div class="field">
      <label>Base <select value=${form.base} required=${method.needsBase} onChange=${(event: Event) => change({ base: textOf(event) })}>
        <option value="">${method.needsBase ? 'choose one' : 'the first model'}</option>
        ${models.map(model => html`<option value=${model.id}>${nameOf(model)}</option>`)}
      </select></label>
      <span class="faint">The soup has the file and the names of the base.${method.needsBase ? ' This method merges the changes of the other models against it.' : ''}</span>
    </div>
    ${fields.map(field =>
      h(ParameterInput, {
        key: `${form.method} ${field.name}`,
        field,
        text: form.parameters[field.name] ?? '',
        onText: text => change({ parameters: { ...form.parameters, [field.name]: text } }),
      }),
    )}
    <div class="field">
      <label>Name of the soup <input value=${form.name} maxlength="200" onInput=${(event: Event) => change({ name: textOf(event) })} /></label>
    </div>
    ${h(ErrorNotice, { error })}
    <p><button type="submit" class="primary" disabled=${isSending}>Make the soup</button></p>
    ${h(SameAs, { what: 'this soup', commands: soupCommands(body) })}
  </form>`
}
