import { TureenError } from '../errors.ts'

/** Bytes among which any binary file of use has a zero, a line feed or a carriage return. */
const enoughBytes = 4096

/** True for bytes without zeros and line ends, which are the bytes that `curl -d @FILE` leaves out. */
export function lacksLineEnds(bytes: Uint8Array): boolean {
  return bytes.byteLength > 0 && !bytes.includes(0) && !bytes.includes(0x0a) && !bytes.includes(0x0d)
}

/** Refuses the beginning of a body that `curl -d` has changed. @throws TureenError `TUREEN_BODY_MALFORMED` */
export function refuseStripped(beginning: Uint8Array): void {
  if (beginning.byteLength >= enoughBytes && lacksLineEnds(beginning)) throw strippedBody()
}

/** Returns the refusal of a body that `curl -d` has changed. */
export function strippedBody(): TureenError {
  const actual = 'application/x-www-form-urlencoded'
  const message = `has the content type ${actual}, and no line end and no zero byte: curl -d leaves these out`
  return new TureenError(
    'TUREEN_BODY_MALFORMED',
    `The body ${message}, so that the file is damaged. Send the file unchanged: curl -T FILE, or --data-binary @FILE.`,
    [{ field: 'content-type', expected: 'application/octet-stream', actual, message }],
  )
}
