import type { Attack } from './attack.ts'
import { bombs } from './attacks/bombs.ts'
import { costlyJson } from './attacks/costly-json.ts'
import { foreignHosts } from './attacks/foreign-hosts.ts'
import { foreignPages } from './attacks/foreign-pages.ts'
import { fullStore } from './attacks/full-store.ts'
import { heavyModels } from './attacks/heavy-models.ts'
import { longLists } from './attacks/long-lists.ts'
import { oddHeaders } from './attacks/odd-headers.ts'
import { oddPaths } from './attacks/odd-paths.ts'
import { oddTexts } from './attacks/odd-texts.ts'
import { pageFloods } from './attacks/page-floods.ts'
import { slowClients } from './attacks/slow-clients.ts'
import { smuggledRequests } from './attacks/smuggled-requests.ts'

/** All attacks, in the order in which they run on their servers. */
export const attacks: readonly Attack[] = [
  ...foreignHosts,
  ...foreignPages,
  ...smuggledRequests,
  ...oddHeaders,
  ...oddPaths,
  ...oddTexts,
  ...costlyJson,
  ...pageFloods,
  ...longLists,
  ...heavyModels,
  ...bombs,
  ...slowClients,
  ...fullStore,
]
