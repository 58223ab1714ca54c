import type { OperatorSignatures } from './operator-signatures.ts'

/**
 * Types of the operators of com.microsoft, which onnxruntime's optimiser writes. Found by asking onnxruntime 1.30 to
 * open models of one node, with each input and output of another type; its errors name the type parameters. Attention
 * may keep its caches of keys and values in another type for quantised caches; here they have the type of the other
 * inputs.
 */
export const contribOperators: OperatorSignatures = {
  Attention: { 1: 'aaa-aa->aa fhb' },
  BiasAdd: { 1: 'aaa>a fh' },
  BiasDropout: { 1: 'aaab->a- dfhb,dfhb' },
  BiasGelu: { 1: 'aa>a dfhb' },
  BiasSoftmax: { 1: 'aa>a dfh' },
  BiasSplitGelu: { 1: 'aa>a fh' },
  ConvTransposeWithDynamicPads: { 1: 'aa-a>a dfh' },
  DequantizeLinear: { 1: '-a->a fh' },
  DynamicQuantizeMatMul: { 1: 'a-b-c>a f,f,f' },
  EmbedLayerNormalization: { 1: '--aaaaa->a-a fh' },
  FastGelu: { 1: 'aa>a dfhb' },
  FusedConv: { 1: 'aaaa>a dfh' },
  FusedGemm: { 1: 'aaa>a dfh' },
  FusedMatMul: { 1: 'aa>a dfhb' },
  GatedRelativePositionBias: { 1: 'aaaaaa->a fh' },
  Gelu: { 1: 'a>a dfhb' },
  GridSample: { 1: 'aa>a dfh' },
  GroupNorm: { 1: 'abb>a fh,fh' },
  GroupQueryAttention: { 1: 'aaaaa--aa-aa>aaa fhb' },
  Inverse: { 1: 'a>a dfh' },
  MatMulNBits: { 1: 'a-a--a>a fhb' },
  MultiHeadAttention: { 1: 'aaaa-aaa>aaab fhb,fhb' },
  QuantizeLinear: { 1: 'aa->- fh' },
  QuickGelu: { 1: 'a>a dfhb' },
  RelativePositionBias: { 1: 'a-->a fh' },
  RotaryEmbedding: { 1: 'a-aa>a fhb' },
  SkipGroupNorm: { 1: 'abbaa>aa fh,fh' },
  SkipLayerNormalization: { 1: 'aaaaa>abba fhb,f' },
  SkipSimplifiedLayerNormalization: { 1: 'aaaa>abba fhb,f' },
  Trilu: { 1: 'a->a dfhb' },
}
