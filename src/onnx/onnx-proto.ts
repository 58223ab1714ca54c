import onnxProto, { type onnx } from 'onnx-proto'

/**
 * onnx-proto (ONNX 1.10, IR 8, over protobufjs) decodes skeletons and tensor headers, and encodes metadata. It is a
 * CommonJS package whose names Node.js cannot list, so they are taken from its default export.
 */
export const { ModelProto, NodeProto, TensorProto, StringStringEntryProto, ValueInfoProto } = onnxProto.onnx

export type ModelProto = onnx.ModelProto
export type TensorProto = onnx.TensorProto
export type ValueInfoProto = onnx.IValueInfoProto
export type TypeProto = onnx.ITypeProto
export type GraphProto = onnx.IGraphProto
export type NodeProto = onnx.INodeProto
export type AttributeProto = onnx.IAttributeProto
