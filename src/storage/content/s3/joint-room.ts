import type { Reservation, Room } from '../../room.ts'

/** Returns room that needs both: a quota of the store and space on the local disk. {@link Room.shrink} and {@link Room.correct} are for the rooms themselves. */
export function jointRoom(quota: Room, disk: Room): Omit<Room, 'shrink' | 'correct'> {
  return {
    reserve(bytes): Reservation {
      const ofQuota = quota.reserve(bytes)
      try {
        const ofDisk = disk.reserve(bytes)
        const both = [ofQuota, ofDisk]
        return {
          spend(most) {
            for (const each of both) each.spend(most)
          },
          release() {
            for (const each of both) each.release()
          },
        }
      } catch (error) {
        ofQuota.release()
        throw error
      }
    },
    // If the disk refuses, the owner of the file gives it up, and forgets both claims.
    claim(file, bytes, reservation) {
      reservation?.spend(bytes)
      quota.claim(file, bytes)
      disk.claim(file, bytes)
    },
    settle(file, bytes) {
      quota.settle(file, bytes)
      disk.settle(file, bytes)
    },
    forget(file) {
      quota.forget(file)
      disk.forget(file)
    },
    keep(file) {
      quota.keep(file)
      disk.keep(file)
    },
  }
}
