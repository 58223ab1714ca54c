/** Frees the memory of bytes at once. The collector would leave it for as long as the server is idle. */
export function freeMemory(bytes: Uint8Array<ArrayBuffer>): void {
  bytes.buffer.transfer(0)
}
