import { elementsOf } from './derived-tensor.ts'
import { around } from './element-moves.ts'

/** The axis of a weight that has the output channels; with `groups`, those of one of as many groups. */
export type ChannelAxis = { axis: number; groups: number }

/** Receives a run of consecutive elements [start, end) of one output channel. */
export type RunVisitor = (channel: number, start: number, end: number) => void

/**
 * Visits the elements of each output channel, in the order of the tensor. With groups, the axis before has the input
 * channels of all groups, one group after the other, as the weight of a ConvTranspose has.
 */
export function visitChannels(dims: readonly number[], { axis, groups }: ChannelAxis, visit: RunVisitor): void {
  const [outer, inner] = around(dims, axis)
  const inGroup = dims[axis] ?? 1
  const before = Math.max(1, outer / groups)
  for (let row = 0, start = 0; row < outer; row += 1) {
    const first = Math.floor(row / before) * inGroup
    for (let channel = first; channel < first + inGroup; channel += 1, start += inner)
      visit(channel, start, start + inner)
  }
}

/** Returns the number of output channels of a weight. */
export function channelsOf(dims: readonly number[], { axis, groups }: ChannelAxis): number {
  return (dims[axis] ?? 1) * groups
}

/** Returns the place of the `index`th element of an output channel, in the order of {@link visitChannels}. */
export function placeInChannel(dims: readonly number[], axis: ChannelAxis, channel: number, index: number): number {
  const [outer, inner] = around(dims, axis.axis)
  const inGroup = dims[axis.axis] ?? 1
  const row = Math.floor(channel / inGroup) * (outer / axis.groups) + Math.floor(index / inner)
  return (row * inGroup + (channel % inGroup)) * inner + (index % inner)
}

/** Returns the number of elements of each output channel. */
export function perChannel(dims: readonly number[], axis: ChannelAxis): number {
  return elementsOf(dims) / channelsOf(dims, axis)
}
