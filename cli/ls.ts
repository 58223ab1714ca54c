import { Option } from 'commander'
import { z } from 'zod'
import { allItems } from '../client/index.ts'
import { recordOrder } from '../schemas/common.ts'
import type { DatasetItem } from '../schemas/dataset.ts'
import { type ExportListItem, exportOrder } from '../schemas/export.ts'
import { type JobListItem, jobOrder, jobStatus, jobType } from '../schemas/job.ts'
import type { ModelItem } from '../schemas/model.ts'
import { commonOptions, createCommand, readCommand, repeated } from './command.ts'
import { requireRecords } from './held-records.ts'
import { exitCodes, UsageMistake } from './mistakes.ts'
import { readLabels, readTime, readWholeNumber } from './option-values.ts'
import { runSession, type Session } from './session.ts'
import { shownBytes, tableLines } from './terminal.ts'

const lists = ['models', 'datasets', 'exports', 'jobs'] as const

type List = (typeof lists)[number]

const listOptions = z.object({
  ...commonOptions,
  sort: recordOrder.optional(),
  name: z.string().optional(),
  label: z.array(z.string()).optional(),
  createdAfter: z.string().optional(),
  createdBefore: z.string().optional(),
  minBytes: z.string().optional(),
  maxBytes: z.string().optional(),
  type: jobType.optional(),
  status: jobStatus.optional(),
  limit: z.string().optional(),
})

type ListArguments = z.infer<typeof listOptions>

/** `tureen ls`: lists the models, data sets, exports or jobs of a server. */
export async function listCommand(given: readonly string[]): Promise<void> {
  await list('ls', given)
}

/** `tureen jobs`: lists the jobs of a server. */
export async function jobsCommand(given: readonly string[]): Promise<void> {
  await list('jobs', given)
}

async function list(name: 'ls' | 'jobs', given: readonly string[]): Promise<void> {
  const what = name === 'jobs' ? 'jobs' : 'models, data sets, exports or jobs'
  const command = createCommand(name, `List the ${what} of a server, or of a store.`)
  if (name === 'ls') command.argument('[list]', 'models, datasets, exports or jobs', 'models')
  command
    .addOption(new Option('--sort <order>', 'order; a minus reverses it').choices(recordOrder.options))
    .option('--name <name>', 'only those with this name')
    .option('--label <key=value>', 'only those with this label; can be repeated', repeated)
    .option('--created-after <time>', 'only those created at this time or later, such as 2026-11-30')
    .option('--created-before <time>', 'only those created before this time')
    .option('--limit <number>', 'at most so many')
  if (name === 'ls')
    command
      .option('--min-bytes <number>', 'only models or data sets with at least so many bytes')
      .option('--max-bytes <number>', 'only models or data sets with at most so many bytes')
  command
    .addOption(new Option('--type <type>', 'only jobs of this type').choices(jobType.options))
    .addOption(new Option('--status <status>', 'only jobs with this status').choices(jobStatus.options))
  const { options, names } = readCommand(command, listOptions, given)
  await runSession(
    name,
    options,
    async () => {
      requireRecords(options)
      return readFilters(name === 'jobs' ? 'jobs' : readList(names[0]), options)
    },
    async (session, asked) => {
      const { items, lines } = await ask(session, asked)
      session.reporter.document({ items, nextCursor: null })
      session.reporter.tell(...lines)
      return exitCodes.done
    },
  )
}

function readList(name = 'models'): List {
  const found = lists.find(each => each === name)
  if (found) return found
  throw new UsageMistake(`There is no list ${name}. Lists are ${lists.join(', ')}.`)
}

type Asked = ReturnType<typeof readFilters>

/** The filters that a list does not have. */
const foreignFilters = {
  models: ['type', 'status'],
  datasets: ['type', 'status'],
  exports: ['type', 'status', 'minBytes', 'maxBytes'],
  jobs: ['minBytes', 'maxBytes'],
} as const satisfies Record<List, readonly (keyof ListArguments)[]>

function readFilters(list: List, options: ListArguments) {
  const number = (option: string, text: string | undefined) =>
    text === undefined ? undefined : readWholeNumber(option, text)
  const foreign = foreignFilters[list].find(name => options[name] !== undefined)
  if (foreign !== undefined)
    throw new UsageMistake(`The list ${list} has no --${foreign.replace('B', '-b')}. Leave it out.`)
  const jobSort = jobOrder.optional().safeParse(options.sort)
  if (list === 'jobs' && !jobSort.success)
    throw new UsageMistake(`--sort ${options.sort}: jobs sort by ${jobOrder.options.join(' or ')}.`)
  const exportSort = exportOrder.optional().safeParse(options.sort)
  if (list === 'exports' && !exportSort.success)
    throw new UsageMistake(`--sort ${options.sort}: exports sort by ${exportOrder.options.join(' or ')}.`)
  const common = {
    name: options.name,
    label: readLabels('--label', options.label),
    createdAfter: readTime('--created-after', options.createdAfter),
    createdBefore: readTime('--created-before', options.createdBefore),
  }
  const { sort, type, status } = options
  return {
    list,
    limit: number('--limit', options.limit) ?? Number.POSITIVE_INFINITY,
    records: {
      ...common,
      sort,
      minBytes: number('--min-bytes', options.minBytes),
      maxBytes: number('--max-bytes', options.maxBytes),
    },
    exports: { ...common, sort: exportSort.data },
    jobs: { ...common, sort: jobSort.data, type, status },
  }
}

/** Most items in one page of the HTTP API. */
const longestPage = 500

async function ask({ client, signal }: Session, { list, limit, records, exports, jobs }: Asked) {
  const pageLimit = Math.min(limit, longestPage)
  if (list === 'jobs') {
    const items = await firstOf(
      allItems(page => client.listJobs({ ...jobs, ...page, limit: pageLimit }, { signal })),
      limit,
    )
    return { items, lines: tableLines(['id', 'type', 'status', 'name', 'created', 'done'], items.map(jobRow)) }
  }
  if (list === 'exports') {
    const items = await firstOf(
      allItems(page => client.listExports({ ...exports, ...page, limit: pageLimit }, { signal })),
      limit,
    )
    return {
      items,
      lines: tableLines(['id', 'name', 'model', 'checkpoint', 'created', 'labels'], items.map(exportRow)),
    }
  }
  const items =
    list === 'models'
      ? await firstOf(
          allItems(page => client.listModels({ ...records, ...page, limit: pageLimit }, { signal })),
          limit,
        )
      : await firstOf(
          allItems(page => client.listDatasets({ ...records, ...page, limit: pageLimit }, { signal })),
          limit,
        )
  return { items, lines: tableLines(['id', 'name', 'size', 'created', 'labels'], items.map(recordRow)) }
}

async function firstOf<Item>(items: AsyncIterable<Item>, limit: number): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) {
    found.push(item)
    if (found.length >= limit) break
  }
  return found
}

function exportRow(item: ExportListItem): string[] {
  const [model, checkpoint] =
    'unreadable' in item
      ? ['unreadable', 'unreadable']
      : [item.model.name ?? item.model.id, item.checkpoint.name ?? item.checkpoint.id]
  return [item.id, item.name ?? '-', model, checkpoint, shownTime(item.createdAt), shownLabels(item.labels)]
}

function shownLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}

function recordRow(record: ModelItem | DatasetItem): string[] {
  const size = 'bytes' in record ? shownBytes(record.bytes) : 'unreadable'
  return [record.id, record.name ?? '-', size, shownTime(record.createdAt), shownLabels(record.labels)]
}

function jobRow(job: JobListItem): string[] {
  const { progress } = job
  const done =
    progress && progress.total > 0
      ? `${Math.floor((100 * Math.min(progress.done, progress.total)) / progress.total)} %`
      : '-'
  return [job.id, job.type ?? '-', job.status, ('name' in job ? job.name : null) ?? '-', shownTime(job.createdAt), done]
}

/** Returns a time as people read it, in UTC to the second. */
function shownTime(time: string | null): string {
  return time === null ? '-' : time.replace('T', ' ').replace(/\.\d+Z$/, 'Z')
}
