import { z } from 'zod'
import {
  constantFolding,
  doublingFunctions,
  endlessLoop,
  growingLoop,
  sixteenGibibytes,
} from '../../support/hostile-models.ts'
import { npz } from '../../support/npz.ts'
import { bytesField, modelBytes, onnxField, tensorBytes } from '../../support/wire-bytes.ts'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'
import { protobufBombs, protobufLoads } from './protobuf-bombs.ts'
import { zipBombs, zipLoads } from './zip-bombs.ts'

/** Seconds of processor time that any one of them may cost. */
const mostSeconds = 9

/** Says of an answer that is no refusal whether it holds no harm. */
type MayBeTaken = (answer: string) => boolean

const never: MayBeTaken = () => false
const always: MayBeTaken = () => true

/** True if the record of a data set lists the array x among those that nothing can use. */
const leavesOut: MayBeTaken = answer =>
  z.object({ unusable: z.array(z.object({ name: z.literal('x') })).length(1) }).safeParse(JSON.parse(answer)).success

/** Uploads each file, which must cost little, and must be refused unless `mayBeTaken` allows otherwise. */
async function uploadAll(
  target: Target,
  { problem, note }: Findings,
  path: string,
  files: Record<string, Uint8Array>,
  mayBeTaken: MayBeTaken,
): Promise<void> {
  let slowest = { name: '', seconds: 0 }
  for (const [name, bytes] of Object.entries(files)) {
    const before = target.processorSeconds()
    const response = await target.fetch(path, { method: 'POST', body: Uint8Array.from(bytes) })
    const text = await response.text()
    const seconds = target.processorSeconds() - before
    if (seconds > slowest.seconds) slowest = { name, seconds }
    if (seconds > mostSeconds)
      problem(`${name} (${bytes.byteLength} bytes) cost ${seconds.toFixed(1)} s of processor time`)
    if (response.status >= 500 || (response.status < 400 && !mayBeTaken(text)))
      problem(`${name} was answered with ${response.status}: ${text.slice(0, 200)}`)
  }
  note(
    `${Object.keys(files).length} files to ${path}; the slowest, ${slowest.name}, cost ${slowest.seconds.toFixed(1)} s`,
  )
}

/** Globs that are slow to match for those who try every way. */
const globs: readonly string[] = [
  `${'*a'.repeat(99)}b`,
  `${'a*'.repeat(99)}b`,
  `${'*'.repeat(199)}b`,
  `${'?*'.repeat(99)}b`,
  `${'*?'.repeat(99)}b`,
  `${'*/a'.repeat(60)}b`,
  `${'*.a'.repeat(60)}b`,
  `${'(a+)+$'.repeat(30)}b`,
  `${'[a-'.repeat(60)}`,
  `${'{a,b}'.repeat(35)}`,
]

const job = z.object({ id: z.string(), status: z.string(), error: z.object({ code: z.string() }).optional() })

export const bombs: readonly Attack[] = [
  {
    name: 'protobuf-bombs',
    does: 'Uploads 40 files that lie about sizes, nest or grow; each is refused or read in 3 s.',
    server: 'open',
    async run(target, findings) {
      await uploadAll(target, findings, '/v1/models', protobufBombs(), never)
      await uploadAll(target, findings, '/v1/models', protobufLoads(), always)
    },
  },
  {
    name: 'zip-bombs',
    does: 'Uploads 24 data sets that lie about sizes, overlap or grow a thousandfold; each is refused, leaves the array out or is read, in 3 s.',
    server: 'open',
    async run(target, findings) {
      await uploadAll(target, findings, '/v1/datasets', zipBombs(), leavesOut)
      await uploadAll(target, findings, '/v1/datasets', zipLoads(), always)
    },
  },
  {
    name: 'glob-bombs',
    does: 'Merges with 256 rules whose globs have 200 characters, mostly *, over 2,000 long names; it ends in 3 s.',
    server: 'open',
    async run(target, { problem, note }) {
      const { tensor } = onnxField
      const bytes = modelBytes(
        Array.from({ length: 2_000 }, (_, index) =>
          tensorBytes(`${'a'.repeat(300)}${index}`, 1, [1], bytesField(tensor.rawData, Buffer.alloc(4, index))),
        ),
      )
      const id = await target.upload(bytes)
      const before = target.processorSeconds()
      const rules = Array.from({ length: 256 }, (_, index) => ({
        match: (globs[index % globs.length] ?? '').slice(0, 200),
        skip: true,
      }))
      const response = await target.post('/v1/merges?wait=60', { models: [{ id }, { id }], rules })
      const text = await response.text()
      const seconds = target.processorSeconds() - before
      note(`${response.status}, ${seconds.toFixed(1)} s of processor time`)
      if (response.status >= 500 || response.status === 202)
        problem(`globs were answered with ${response.status}: ${text.slice(0, 200)}`)
      if (seconds > mostSeconds) problem(`globs cost ${seconds.toFixed(1)} s of processor time`)
    },
  },
  {
    name: 'models-that-harm',
    does: 'Evaluates models that loop for ever, grow, ask for 16 GiB or compute while they are opened; each fails within its 3 seconds and memory.',
    server: 'small',
    async run(target, findings) {
      const values = { descr: '<f4', shape: [1, 1], data: Float32Array.of(1) }
      const response = await target.fetch('/v1/datasets', { method: 'POST', body: npz({ x: values, t: values }) })
      const { id: dataset } = z.object({ id: z.string() }).parse(await response.json())
      const models = {
        'an endless loop': endlessLoop(),
        'a loop that grows': growingLoop(),
        '16 GiB': sixteenGibibytes(),
        'products while it is opened': constantFolding(40),
        'functions that double 22 times': doublingFunctions(22),
      }
      await Promise.all(Object.entries(models).map(([name, bytes]) => evaluate(target, findings, dataset, name, bytes)))
    },
  },
]

async function evaluate(
  target: Target,
  { problem, note }: Findings,
  dataset: string,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const upload = await target.fetch('/v1/models', { method: 'POST', body: bytes })
  const uploaded = await upload.text()
  if (upload.status !== 201) {
    note(`${name}: the upload was refused with ${upload.status}`)
    if (upload.status >= 500) problem(`${name} was answered with ${upload.status}`)
    return
  }
  const { id: model } = z.object({ id: z.string() }).parse(JSON.parse(uploaded))
  const request = { model, dataset, inputs: { x: 'x' }, target: 't', metrics: ['mse'] }
  const answer = await target.post('/v1/evaluations?wait=60', request)
  const { status, error } = job.parse(JSON.parse(await answer.text()))
  note(`${name}: ${status}, ${error?.code}`)
  if (status !== 'failed') problem(`the evaluation of ${name} has ${status}`)
}
