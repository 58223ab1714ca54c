import { type ComponentChildren, h } from 'preact'
import { curlCommand, tureenCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText, numberText, shortDigest } from '../numbers.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { Pager } from '../parts/pager.ts'
import { SameAs } from '../parts/same-as.ts'
import { Table } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { Link, viewUrl } from '../routing.ts'

type ListOfModel = { id: string; query: URLSearchParams }

/** The tensors of a model, in the order of its file. */
export function ModelTensors({ id, query }: ListOfModel) {
  const cursor = query.get('cursor') ?? ''
  const tensor = query.get('tensor') ?? ''
  const page = cursor === '' ? {} : { cursor }
  const { value, error, isLoading } = useLoaded(`tensors ${id} ${cursor}`, signal =>
    client.listModelTensors(id, page, { signal }),
  )
  return html`<h2>Tensors</h2>
    ${tensor === '' ? html`<p>A name leads to the histogram of its elements.</p>` : h(ShownTensor, { key: tensor, id, tensor })}
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the tensors.</p>`}
    ${
      value &&
      h(Table, {
        caption: 'Tensors, in the order of the file',
        columns: [
          { title: 'Name' },
          { title: 'Type' },
          { title: 'Dims' },
          { title: 'Size', isNumber: true },
          { title: 'Stored', isMinor: true },
        ],
        rows: value.items.map(({ name, dtype, dims, bytes, storage, where }) => ({
          key: where,
          cells: [
            h(
              Link,
              { href: viewUrl(`/models/${id}`, { tensor: name || where, cursor }) },
              html`<code>${name || where}</code>`,
            ),
            dtype,
            dims.length === 0 ? 'scalar' : dims.join(' × '),
            bytesText(bytes),
            storage,
          ],
        })),
      })
    }
    ${value && h(Pager, { path: `/models/${id}`, query: {}, cursor, nextCursor: value.nextCursor })}
    ${h(SameAs, { what: 'these tensors', commands: { curl: curlCommand(`/v1/models/${id}/tensors${cursor && `?cursor=${encodeURIComponent(cursor)}`}`) } })}`
}

/** The summary of one tensor, which the server computes when it is asked. */
function ShownTensor({ id, tensor }: { id: string; tensor: string }) {
  const { value, error, isLoading } = useLoaded(`summary ${id} ${tensor}`, async signal => {
    const summary = client.getTensorSummary(id, tensor, { signal })
    const { TensorHistogram } = await import('../charts/tensor-histogram.ts')
    return { summary: await summary, TensorHistogram }
  })
  const path = `/v1/models/${id}/tensor-summary?tensor=${encodeURIComponent(tensor)}`
  return html`${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the tensor.</p>`}
    ${value && h(value.TensorHistogram, { summary: value.summary })}
    ${h(SameAs, { what: 'this tensor', commands: { curl: curlCommand(path), tureen: tureenCommand('inspect', id, '--tensor', tensor) } })}`
}

/** The newest scores of a model that the server keeps. */
export function ModelScores({ id }: ListOfModel) {
  const { value, error, isLoading } = useLoaded(`scores ${id}`, signal => client.listModelScores(id, {}, { signal }))
  const none = value?.items.length === 0
  return html`<h2>Scores</h2>
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the scores.</p>`} ${none && html`<p>No job has scored this model yet.</p>`}
    ${
      value &&
      !none &&
      h(Table, {
        caption: 'Scores, newest first',
        columns: [
          { title: 'Data set' },
          { title: 'Metric' },
          { title: 'Score', isNumber: true },
          { title: 'Samples', isNumber: true },
          { title: 'Scored', isMinor: true },
        ],
        rows: value.items.map(({ dataset, metric, value: score, samples, createdAt }, index) => ({
          key: String(index),
          cells: [datasetLink(dataset), metric, numberText(score), countText(samples), timeOf(createdAt)],
        })),
      })
    }
    ${value && value.nextCursor !== null && html`<p>These are the newest ${value.items.length}. The command lists more with its cursor.</p>`}
    ${h(SameAs, { what: 'these scores', commands: { curl: curlCommand(`/v1/models/${id}/scores`) } })}`
}

function datasetLink({
  id,
  name,
  sha256,
}: {
  id: string | null
  name: string | null
  sha256: string
}): ComponentChildren {
  const text = name ?? shortDigest(sha256)
  return id === null ? `${text} (deleted)` : h(Link, { href: viewUrl(`/datasets/${id}`) }, text)
}
