import type { TensorEntry } from '../layout.ts'
import type { Dimension } from '../skeleton.ts'

/**
 * The computation of a model, without its names: the operators that its outputs depend on. Identity is removed,
 * Constants are leaves like initializers, and model-local functions are expanded at their calls.
 */
export type Network = {
  /** The value of each output of the graph, in the order of the file. */
  outputs: (Value | null)[]
  /** The name of each output, in the same order. Runtimes address outputs and inputs by name. */
  outputNames: string[]
  /** Outputs of the graphs for training, and the tensors that they set. */
  training: (Value | null)[]
  /** Operators that an output depends on, including those of subgraphs, each after all that it reads. */
  operators: Operator[]
  /** The leaves that an output depends on, in the order in which the walk from the outputs meets them. */
  leaves: Leaf[]
  /** The inputs that an output depends on and that have no initializer, in the order of the file. */
  inputs: NetworkInput[]
  /** Leaves named by an annotation of quantisation, with the annotation's key. Outputs need not depend on them. */
  annotated: ReadonlyMap<Leaf, string>
  /** sha256 of the fields of model and graph that no schema knows; empty if there are none. */
  unknown: string
  /**
   * Further names of a tensor or of an operator's results, each with the name of the node that gives it. These nodes
   * are Identities and calls that pass it on, and the Constant that holds it.
   */
  aliases: ReadonlyMap<Leaf | Operator, ReadonlyMap<string, string>>
}

export type Value = NetworkInput | Formal | Leaf | Result | Free

/** An input of the graph. `dims`: as the file declares them, null if it does not. */
export type NetworkInput = { kind: 'input'; name: string; type: string; dims: Dimension[] | null }

/**
 * An input of a subgraph: its operator, the attribute that holds the subgraph, its position, and the number of
 * subgraphs around it.
 */
export type Formal = {
  kind: 'formal'
  name: string
  operator: Operator
  attribute: string
  index: number
  depth: number
}

/** A name that nothing defines. */
export type Free = { kind: 'free'; name: string }

/** An output of an operator. `dims`: as value_info or an output of its graph declares them, null if neither does. */
export type Result = { kind: 'result'; name: string; operator: Operator; index: number; dims: Dimension[] | null }

/** A tensor in the model: an initializer, or the value of a Constant or of another attribute. */
export type Leaf = {
  kind: 'leaf'
  /** Its number among all leaves of the network, from 0 on. */
  id: number
  name: string
  /** The node that holds it, by name or by operator and position; null for initializers. */
  node: string | null
  /**
   * Element type and dims. A sparse tensor has those of its values, and its own dims. Fields that no schema knows are
   * added by their sha256.
   */
  type: string
  /** True if soups average it. */
  isWeight: boolean
  /** Its use as a parameter; a weight may have one as well. Null if it has none. */
  use: ParameterUse | null
  /** The place of its elements; null for integers and strings in an attribute. */
  tensor: TensorEntry | null
  /** The indices of a sparse tensor. */
  indices: TensorEntry | null
  /** The elements of a leaf without a tensor, as raw_data would hold them. */
  literal: Uint8Array | null
}

/**
 * The reason why a tensor is a parameter. `node`: the name of the node.
 * - `slot`: an input or attribute that configures a node; or a place in the model, in words. `reason`: why two values
 *   cannot be averaged, if that needs an explanation.
 * - `rounded`: a node turns it into integers or bools.
 * - `scale`: a node multiplies quantised values with it.
 * - `output`: an output of the model, by name or position.
 */
export type ParameterUse =
  | { kind: 'slot'; node: string | null; slot: string; reason?: string | undefined }
  | { kind: 'rounded' | 'scale'; node: string }
  | { kind: 'output'; node: null; output: string }

export type Operator = {
  /** Its number among all operators of the network, from 0 on. Arrays by this number take less than Maps. */
  id: number
  /** Its name; without a name, its operator and position. */
  name: string
  /**
   * The names of its node and of the nodes around it, nearest first: calls of functions, and holders of subgraphs.
   * Nodes without names are left out.
   */
  nodes: readonly string[]
  domain: string
  opType: string
  /** The version of its operator set that the model, or the function around it, imports. */
  version: number
  /** Changes when the operator's meaning changes between versions of its operator set. */
  epoch: number
  /** Its attributes that are neither tensors nor graphs and differ from their defaults, as text, sorted by name. */
  attributes: ReadonlyMap<string, string>
  operands: Operand[]
  /** The number of outputs that it declares. */
  outputs: number
  subgraphs: Subgraph[]
}

/** `port`: the position of an input, or the name of an attribute that holds a tensor. */
export type Operand = { port: string; value: Value | null }

export type Subgraph = { attribute: string; formals: number; outputs: (Value | null)[] }
