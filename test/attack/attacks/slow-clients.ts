import type { Attack } from '../attack.ts'
import { connectionFlood } from './connection-flood.ts'
import { drippingRequests } from './dripping-requests.ts'
import { heldStreams } from './held-streams.ts'
import { slowUploads } from './slow-uploads.ts'
import { stalledDownloads } from './stalled-downloads.ts'
import { unreadAnswers } from './unread-answers.ts'
import { vanishingClients } from './vanishing-clients.ts'

/** Clients that hold on to slots, connections and memory. */
export const slowClients: readonly Attack[] = [
  slowUploads,
  stalledDownloads,
  unreadAnswers,
  drippingRequests,
  heldStreams,
  vanishingClients,
  connectionFlood,
]
