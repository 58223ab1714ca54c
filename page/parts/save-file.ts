/** Saves a file with the browser, as a download. */
export function saveFile(blob: Blob, filename: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = filename
  link.click()
  // The browser reads the blob after this call has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
