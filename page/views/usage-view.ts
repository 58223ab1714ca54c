import { type ComponentChildren, h } from 'preact'
import type { Usage } from '../../schemas/service.ts'
import { curlCommand } from '../commands.ts'
import { client } from '../connection.ts'
import { useLoaded } from '../loading.ts'
import { html } from '../markup.ts'
import { bytesText, countText } from '../numbers.ts'
import { ErrorNotice } from '../parts/notices.ts'
import { SameAs } from '../parts/same-as.ts'
import { Facts } from '../parts/table.ts'
import { timeOf } from '../parts/time.ts'
import { serverVersion } from '../place.ts'

/** Seconds between two looks at the numbers. */
const pollSeconds = 10

/** The store, the queue, the isolation of models that run, and the limits of the server. */
export function UsageView() {
  const { value: usage, error, isLoading } = useLoaded('usage', signal => client.getUsage({ signal }), pollSeconds)
  return html`<h1 tabindex="-1">Usage</h1>
    ${h(ErrorNotice, { error })} ${isLoading && html`<p role="status">Loading the numbers.</p>`}
    ${usage && h(Numbers, { usage })}
    ${h(SameAs, { what: 'these numbers', commands: { curl: curlCommand('/v1/usage') } })}`
}

function Numbers({ usage }: { usage: Usage }) {
  const { models, datasets, jobs, scores, content, quarantine, verification, disk, isolation, limits, token } = usage
  const { last, current, days } = verification
  return html`<h2>Store</h2>
    ${h(Facts, {
      facts: {
        Models: holdingText(models),
        'Data sets': holdingText(datasets),
        'Kept scores': scores ? countText(scores.records) : unknown,
        'Files on disk': content ? `${countText(content.files)} (${bytesText(content.bytes)})` : unknown,
        Quarantine: `${countText(quarantine.files)} (${bytesText(quarantine.bytes)})`,
        'Free on disk': disk ? `${bytesText(disk.freeBytes)} of ${bytesText(disk.totalBytes)}` : unknown,
        'Store may have': limits.storeBytes === null ? 'as much as fits on the disk' : bytesText(limits.storeBytes),
        Verification: days === 0 ? 'never' : `every ${days} days${current ? ', running now' : ''}`,
        'Last verification':
          last &&
          `${countText(last.files)} files, ${countText(last.damagedFiles)} damaged, ended ${timeOf(last.finishedAt)}`,
      },
    })}
    ${
      last &&
      last.damaged.length > 0 &&
      html`<div class="notice error">
        <p><strong>Damaged files</strong></p>
        <ul>${last.damaged.map(({ sha256, message }) => html`<li><code>${sha256}</code>: ${message}</li>`)}</ul>
      </div>`
    }
    <h2>Jobs</h2>
    ${h(Facts, { facts: jobs ? Object.fromEntries(Object.entries(jobs).map(([status, count]) => [status, countText(count)])) : { Jobs: unknown } })}
    <h2>Isolation of models that run</h2>
    ${h(Facts, {
      facts: {
        Level: isolation.level,
        'Reads only the files of its job': yesOrNo(isolation.fileSystem),
        'Reaches no network': yesOrNo(isolation.network),
        'Reaches no other process': yesOrNo(isolation.processes),
        'System calls are filtered': yesOrNo(isolation.systemCalls),
        'User of its own': yesOrNo(isolation.ownUser),
      },
    })}
    <h2>Limits</h2>
    ${h(Facts, {
      facts: {
        'One upload': bytesText(limits.uploadBytes),
        'Models in one merge': countText(limits.models),
        'Models in one search': countText(limits.searchModels),
        'Jobs in the queue': countText(limits.queuedJobs),
        'Requests in a minute': limits.requestsPerMinute === null ? 'no limit' : countText(limits.requestsPerMinute),
        'One evaluation': `${countText(limits.evaluationSeconds)} s, ${bytesText(limits.evaluationMemoryBytes)}`,
      },
    })}
    <h2>This server</h2>
    ${h(Facts, { facts: { Version: serverVersion, Token: token ? `${token.name}, scope ${token.scope}` : 'the server needs none' } })}`
}

const unknown = 'not known now'

function holdingText(holding: Usage['models']): ComponentChildren {
  return holding ? `${countText(holding.records)} (${bytesText(holding.bytes)})` : unknown
}

function yesOrNo(is: boolean): string {
  return is ? 'yes' : 'no'
}
