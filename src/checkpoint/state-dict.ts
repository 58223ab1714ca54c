import { type Place, TureenError } from '../errors.ts'
import { checkpointLimits } from './checkpoint-limits.ts'
import { deepspeedRemedy } from './pickle/globals.ts'
import { ofKind, type PickleDict, type PickleValue, type TorchTensor, typeOf } from './pickle/values.ts'
import { shownName, unsupportedCheckpoint } from './unreadable-checkpoint.ts'

/** The dict of tensors in a checkpoint. `roots`: all places of such dicts, the one taken by default first. */
export type StateDict = { root: string; roots: string[]; tensors: Map<string, TorchTensor>; ignored: string[] }

/** Keys under which training scripts keep their state dict, in the order in which they are tried. */
const usualKeys = ['state_dict', 'model', 'model_state_dict', 'model_ema', 'ema']

/** Most places that an answer lists. */
const mostRoots = 32
/** Longest key that an answer lists. The parameter root has 1,000 characters at most. */
const longestKey = 300
/** Most keys beside the tensors that an answer lists. */
const mostIgnored = 100

/**
 * Finds the dict of tensors of a checkpoint: under the usual keys, then at the top level, then under other keys.
 * @param wanted the place that the client chooses: keys joined by `/`, or an empty text for the top level
 * @throws TureenError `TUREEN_CHECKPOINT_UNSUPPORTED` if there is none; `TUREEN_REQUEST_INVALID` if the chosen place has none
 */
export function findStateDict(whole: PickleValue, wanted: string | undefined): StateDict {
  const top = ofKind(whole, 'dict')
  if (!top)
    throw unsupportedCheckpoint(
      `holds ${typeOf(whole)}, and no dict of tensors`,
      'Save a dict: `torch.save(model.state_dict(), "weights.pt")`.',
      { actual: typeOf(whole) },
    )
  refuseShards(top)
  const roots = rootsIn(top)
  const [first] = roots
  if (wanted !== undefined) {
    const chosen = dictAt(top, wanted)
    if (!chosen || !holdsTensors(chosen)) throw noDictAt(wanted, roots)
    return { root: wanted, roots: roots.includes(wanted) ? roots : [...roots, wanted], ...entriesOf(chosen) }
  }
  const found = first === undefined ? undefined : dictAt(top, first)
  if (first === undefined || !found)
    throw unsupportedCheckpoint(
      `has no tensors under ${usualKeys.join(', ')}, at its top level or one level below; it has the keys ${keysOf(top)}`,
      'Name the dict of tensors with ?root=KEY (nested keys joined by /), or save the weights alone: `torch.save(model.state_dict(), "weights.pt")`.',
      { field: 'root', actual: keysOf(top) },
    )
  return { root: first, roots, ...entriesOf(found) }
}

/** Returns the places of the dicts of tensors down to the second level. */
function rootsIn(top: PickleDict): string[] {
  const usual = usualKeys.flatMap(key => {
    const dict = ofKind(top.entries.get(key), 'dict')
    if (!dict) return []
    if (holdsTensors(dict)) return [key]
    return nested(dict).map(inner => `${key}/${inner}`)
  })
  const others = nested(top).filter(key => !usualKeys.includes(key))
  return [...usual, ...(holdsTensors(top) ? [''] : []), ...others].slice(0, mostRoots)
}

/** Returns the keys of a dict under which dicts of tensors lie. */
function nested(dict: PickleDict): string[] {
  const keys: string[] = []
  for (const [key, value] of dict.entries) {
    const inner = ofKind(value, 'dict')
    if (typeof key === 'string' && isNameable(key) && inner && holdsTensors(inner)) keys.push(key)
    if (keys.length >= mostRoots) break
  }
  return keys
}

/** True if a client can name a key on the way to a dict of tensors. */
function isNameable(key: string): boolean {
  return key !== '' && key.length <= longestKey && key.isWellFormed() && !/[/\p{Cc}]/u.test(key)
}

/** True if a dict has a tensor under a text as its key. Looks at the values up to the first one. */
function holdsTensors({ entries }: PickleDict): boolean {
  for (const [key, value] of entries) if (typeof key === 'string' && ofKind(value, 'tensor')) return true
  return false
}

function dictAt(top: PickleDict, root: string): PickleDict | undefined {
  const keys = root === '' ? [] : root.split('/')
  if (keys.length > checkpointLimits.rootDepth) return undefined
  return keys.reduce<PickleDict | undefined>((dict, key) => ofKind(dict?.entries.get(key), 'dict'), top)
}

function entriesOf({ entries }: PickleDict): Pick<StateDict, 'tensors' | 'ignored'> {
  const tensors = new Map<string, TorchTensor>()
  const ignored: string[] = []
  for (const [key, value] of entries) {
    const tensor = ofKind(value, 'tensor')
    if (tensor && typeof key === 'string') tensors.set(key, tensor)
    else if (ignored.length < mostIgnored) ignored.push(typeof key === 'string' ? shownName(key) : typeOf(key))
  }
  return { tensors, ignored }
}

/** Refuses the files of a DeepSpeed run, each of which has only a part of the weights. */
function refuseShards({ entries }: PickleDict): void {
  const isDeepspeed = entries.has('ds_version') || entries.has('ds_config')
  if (isDeepspeed && (entries.has('param_shapes') || entries.has('optimizer_state_dict')))
    throw unsupportedCheckpoint('is a shard of DeepSpeed', deepspeedRemedy, { actual: 'ds_version, param_shapes' })
}

function keysOf({ entries }: PickleDict): string {
  const keys = [...entries.keys()].slice(0, 10).map(key => (typeof key === 'string' ? shownName(key) : typeOf(key)))
  return keys.length === 0 ? '(none)' : `${keys.join(', ')}${entries.size > keys.length ? ', ...' : ''}`
}

function noDictAt(wanted: string, roots: readonly string[]): TureenError {
  const expected = roots.map(root => root || '(empty: the top level)').join(', ')
  const message = `the checkpoint has no dict of tensors under ${shownName(wanted) || 'its top level'}`
  const place: Place = { field: 'root', actual: shownName(wanted), ...(expected ? { expected } : {}) }
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `${message.charAt(0).toUpperCase()}${message.slice(1)}${expected ? `; it has some under: ${expected}` : ''}. Name one of these in root, or leave root out.`,
    [{ ...place, field: 'root', message }],
  )
}
