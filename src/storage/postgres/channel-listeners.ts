/** Hears a channel. `hear`: called with each text. `onGap`: called when texts may have been missed. Both never throw. */
export type ChannelListener = { hear(text: string): void; onGap(): void }

/** The listeners of this process, by channel. */
export type ChannelListeners = {
  /** Returns the names of the channels that have listeners. */
  channels(): string[]
  /** @returns a function that removes the listener */
  add(channel: string, listener: ChannelListener): () => void
  hear(channel: string, text: string): void
  /** Tells the listeners of these channels that they may have missed texts. */
  tellGap(channels: readonly string[]): void
}

/** Returns a list of listeners, empty at first. */
export function createListeners(): ChannelListeners {
  const listeners = new Map<string, Set<ChannelListener>>()
  const of = (channel: string) => [...(listeners.get(channel) ?? [])]
  return {
    channels: () => [...listeners.keys()],
    add(channel, listener) {
      const ofChannel = listeners.get(channel) ?? new Set()
      listeners.set(channel, ofChannel.add(listener))
      return () => {
        ofChannel.delete(listener)
        // The channel may have other listeners by now, in a set of their own.
        if (ofChannel.size === 0 && listeners.get(channel) === ofChannel) listeners.delete(channel)
      }
    },
    hear(channel, text) {
      for (const listener of of(channel)) listener.hear(text)
    },
    tellGap(channels) {
      for (const channel of channels) for (const listener of of(channel)) listener.onGap()
    },
  }
}
