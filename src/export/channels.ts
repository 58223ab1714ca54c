import { elementsOf } from './derived-tensor.ts'
import { around } from './element-moves.ts'

/** The axis of a weight that has the output channels; with `groups`, those of one of as many groups. */
export type ChannelAxis = { axis: number; groups: number }

/** The places of a weight's elements by output channel. `at`: the place of the `index`th element of a channel. */
export type ChannelPlaces = { channels: number; perChannel: number; at(channel: number, index: number): number }

/**
 * Returns the places of the elements of each output channel. With groups, the axis before has the input channels of all groups, one group
 * after the other, as the weight of a ConvTranspose has.
 */
export function channelPlaces(dims: readonly number[], { axis, groups }: ChannelAxis): ChannelPlaces {
  const [outer, inner] = around(dims, axis)
  const inGroup = dims[axis] ?? 1
  const before = outer / groups
  return {
    channels: inGroup * groups,
    perChannel: elementsOf(dims) / (inGroup * groups),
    at(channel, index) {
      const row = Math.floor(channel / inGroup) * before + Math.floor(index / inner)
      return (row * inGroup + (channel % inGroup)) * inner + (index % inner)
    },
  }
}
