import { describeContentStore } from '../support/content-store-suite.ts'
import { openContent } from '../support/open-content.ts'
import { temporaryDirectory } from '../support/server.ts'

describeContentStore('a directory', async () => {
  const directory = await temporaryDirectory()
  return { ...(await openContent(directory.path)), close: directory.remove }
})
