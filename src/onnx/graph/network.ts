import type { TensorEntry } from '../layout.ts'
import type { Dimension } from '../skeleton.ts'

/**
 * What a model computes, without the names that it gives to things: its operators as they are reached from its outputs. Identity
 * is gone, Constants are leaves like initializers, functions of the model's own are expanded where they are called.
 */
export type Network = {
  /** The value of each output of the graph, in the order of the file. */
  outputs: (Value | null)[]
  /** The name of each output, in the same order. Runtimes address outputs and inputs by name. */
  outputNames: string[]
  /** What the graphs for training put out, and which tensors take it over. */
  training: (Value | null)[]
  /** Operators that an output depends on, those of subgraphs among them, each after all that it reads. */
  operators: Operator[]
  /** The leaves that an output depends on, in the order in which the walk from the outputs meets them. */
  leaves: Leaf[]
  /** The inputs that an output depends on and that have no initializer, in the order of the file. */
  inputs: NetworkInput[]
  /** Leaves that an annotation of quantisation names, and what it calls each; an output need not depend on them. */
  annotated: ReadonlyMap<Leaf, string>
  /** sha256 of the fields of model and graph that no schema knows. */
  unknown: string
  /**
   * Further names of a tensor or of an operator's results, each with the name of the node that gives it: outputs of Identity and of
   * calls that hand it on, and of the Constant that holds it.
   */
  aliases: ReadonlyMap<Leaf | Operator, ReadonlyMap<string, string>>
}

export type Value = NetworkInput | Formal | Leaf | Result | Free

/** An input of the graph. `dims`: as the file declares them, null if it does not. */
export type NetworkInput = { kind: 'input'; name: string; type: string; dims: Dimension[] | null }

/** An input of a subgraph: its operator, the attribute that holds the subgraph, its position, and how many subgraphs are around it. */
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

/** A tensor that the model holds: an initializer, what a Constant or another attribute holds. */
export type Leaf = {
  kind: 'leaf'
  name: string
  /** The node that holds it, by name or operator and position; null for initializers. */
  node: string | null
  /** Element type and dims, for a sparse tensor those of its values and its own dims; fields that no schema knows by their sha256. */
  type: string
  /** Whether soups average it. */
  isWeight: boolean
  /** What it is a parameter of; of a weight, what it is besides. Null if it is none. */
  use: ParameterUse | null
  /** Where its elements are; null for integers and strings that an attribute holds as such. */
  tensor: TensorEntry | null
  /** The indices of a sparse tensor. */
  indices: TensorEntry | null
  /** The elements of what has no tensor, as a tensor's raw_data would hold them. */
  literal: Uint8Array | null
}

/**
 * What makes a tensor a parameter. `node`: the name of the node.
 * - `slot`: an input or attribute of a node, that sets how it works; or a place in the model, in words. `reason`: why two of them
 *   cannot be averaged, where that needs saying.
 * - `rounded`: a node that turns it into integers or bools.
 * - `scale`: a node that multiplies quantised values with it.
 * - `output`: an output of the model, by name or position.
 */
export type ParameterUse =
  | { kind: 'slot'; node: string | null; slot: string; reason?: string | undefined }
  | { kind: 'rounded' | 'scale'; node: string }
  | { kind: 'output'; node: null; output: string }

export type Operator = {
  /** Its name, or its operator and position where it has none. */
  name: string
  /** The names, as far as given, of its node and of the nodes around it, nearest first: calls of functions, and holders of subgraphs. */
  nodes: readonly string[]
  domain: string
  opType: string
  /** The version of its operator set that the model, or the function that it stands in, imports. */
  version: number
  /** Changes whenever the meaning of the operator did, between versions of its operator set. */
  epoch: number
  /** Its attributes that are no tensors and no graphs and do not equal their defaults, as text, sorted by name. */
  attributes: ReadonlyMap<string, string>
  operands: Operand[]
  /** How many outputs it declares. */
  outputs: number
  subgraphs: Subgraph[]
}

/** `port`: the position of an input, or the name of an attribute that holds a tensor. */
export type Operand = { port: string; value: Value | null }

export type Subgraph = { attribute: string; formals: number; outputs: (Value | null)[] }
