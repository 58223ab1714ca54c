import { malformedCheckpoint, shownName, unsupportedCheckpoint } from '../unreadable-checkpoint.ts'
import { fsdpRemedy } from '../zip-entries.ts'
import { rebuildTensor, rebuildTypedTensor } from './rebuild-tensor.ts'
import { storageType, torchDtype } from './torch-types.ts'
import { type OpaqueValue, ofKind, type PickleDict, type PickleValue, typeOf } from './values.ts'

/** Returns the value that a call of a function stands for. Nothing is called: each is an own function of this project. */
type Rebuild = (args: readonly PickleValue[]) => PickleValue

const parameter: Rebuild = ([data]) => {
  if (!ofKind(data, 'tensor')) throw malformedCheckpoint('has a parameter without a tensor in its pickle')
  return data ?? null
}

/** A tensor of a class of its own: the function that rebuilds it, its class, its arguments and its attributes. */
const fromType: Rebuild = ([rebuild, , args]) => {
  const [global, own] = [ofKind(rebuild, 'global'), ofKind(args, 'tuple')]
  if (!global || !own) throw malformedCheckpoint('has a tensor without its function in its pickle')
  return callGlobal(global.name, own.items)
}

const rebuilds: ReadonlyMap<string, Rebuild> = new Map<string, Rebuild>([
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildTypedTensor],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch._tensor._rebuild_from_type_v2', fromType],
  ['collections.OrderedDict', orderedDict],
])

/** Classes and functions of values beside the weights. No tensor depends on them, so their arguments are left out. */
const opaqueNames: ReadonlySet<string> = new Set([
  '_codecs.encode',
  'argparse.Namespace',
  'builtins.bytearray',
  'builtins.complex',
  'builtins.frozenset',
  'builtins.set',
  'collections.Counter',
  'collections.defaultdict',
  'builtins.dict',
  'builtins.float',
  'builtins.int',
  'builtins.list',
  'builtins.range',
  'builtins.slice',
  'builtins.str',
  'copyreg._reconstructor',
  'datetime.date',
  'datetime.datetime',
  'datetime.timedelta',
  'numpy.core.multiarray._reconstruct',
  'numpy.core.multiarray.scalar',
  'numpy._core.multiarray._reconstruct',
  'numpy._core.multiarray.scalar',
  'numpy.dtype',
  'numpy.ndarray',
  'pathlib.PosixPath',
  'pathlib.PurePosixPath',
  'pathlib.WindowsPath',
  'pytorch_lightning.utilities.parsing.AttributeDict',
  'lightning.fabric.utilities.data.AttributeDict',
  'lightning_fabric.utilities.data.AttributeDict',
  'torch.Size',
  'torch.device',
  'torch.torch_version.TorchVersion',
  'torch.Generator',
])

/** Classes of tensors, which stand as arguments only. */
const tensorClasses: ReadonlySet<string> = new Set([
  'torch.Tensor',
  'torch.nn.parameter.Parameter',
  'torch.nn.parameter.Buffer',
])

/**
 * Checks that a pickle may name a function or class. Nothing else is allowed, whether or not it would be called.
 * @throws TureenError `TUREEN_CHECKPOINT_UNSUPPORTED` that names it and says how to save the weights
 */
export function requireKnownGlobal(name: string): void {
  const isKnown =
    rebuilds.has(name) ||
    opaqueNames.has(name) ||
    tensorClasses.has(name) ||
    storageType(name) !== undefined ||
    torchDtype(name) !== undefined
  if (!isKnown) throw unknownGlobal(name)
}

/** Returns the value that a call of a function or class stands for. @throws TureenError if it is not one that may be called */
export function callGlobal(name: string, args: readonly PickleValue[]): PickleValue {
  const rebuild = rebuilds.get(name)
  if (rebuild) return rebuild(args)
  if (opaqueNames.has(name)) return { kind: 'opaque', of: name } satisfies OpaqueValue
  throw unknownGlobal(name)
}

function orderedDict(args: readonly PickleValue[]): PickleDict {
  const entries = new Map<PickleValue, PickleValue>()
  const [pairs] = args
  for (const pair of pairs === undefined ? [] : (ofKind(pairs, 'list')?.items ?? [])) {
    const [key, value] = ofKind(pair, 'list')?.items ?? ofKind(pair, 'tuple')?.items ?? []
    if (key === undefined || value === undefined)
      throw malformedCheckpoint(`has an OrderedDict with ${typeOf(pair)} in place of a pair in its pickle`)
    entries.set(key, value)
  }
  return { kind: 'dict', entries }
}

/** Functions that rebuild tensors in a form whose elements cannot be read. */
const otherTensors = /^torch\._utils\._rebuild_(\w+)$/

const weightsAlone =
  'Save the weights alone: `import torch`, then `torch.save(torch.load("FILE", weights_only=False).state_dict(), "weights.pt")`; if the file is a dict that holds the module, take it by its key first, as in `["model"].state_dict()`. torch.load runs code of the file, so do this only with a file that you trust.'

function unknownGlobal(name: string) {
  const shown = shownName(name)
  const place = { actual: shown }
  if (name.startsWith('deepspeed.'))
    return unsupportedCheckpoint(`is a shard of DeepSpeed: its pickle names ${shown}`, deepspeedRemedy, place)
  if (name.startsWith('torch.distributed.'))
    return unsupportedCheckpoint(`is a shard of torch.distributed (FSDP): its pickle names ${shown}`, fsdpRemedy, place)
  const form = otherTensors.exec(name)?.[1]
  if (form !== undefined)
    return unsupportedCheckpoint(
      `holds tensors in a form that is not read: its pickle calls ${shown}`,
      'Save dense tensors of plain numbers: `tensor.dequantize()`, `tensor.to_dense()`.',
      place,
    )
  return unsupportedCheckpoint(
    `pickles an object of code, such as a whole module: its pickle names ${shown}, and only tensors and plain values are read`,
    weightsAlone,
    place,
  )
}

/** How to convert a folder of DeepSpeed shards, in two lines of Python. */
export const deepspeedRemedy =
  'Convert the whole folder first: `from deepspeed.utils.zero_to_fp32 import convert_zero_checkpoint_to_fp32_state_dict`, then `convert_zero_checkpoint_to_fp32_state_dict("FOLDER", "weights")`.'
