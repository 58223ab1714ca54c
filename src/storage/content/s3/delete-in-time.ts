import { DeleteObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Removal } from '../content-claims.ts'
import { retrying } from './s3-errors.ts'
import type { S3Patience } from './s3-patience.ts'

// A deletion without an answer may reach the S3 server later, for example after a proxy was frozen. By then the same content may be there again.
// S3 has no condition on the time of an object. But it refuses a signed URL that has expired, so nothing can be deleted after that time:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

/**
 * Deletes an object by requests that the S3 server refuses `patience.deletionSeconds` after a time.
 * @param since a time by the clock of the S3 server, at which the removal was still allowed
 * @param removal hears of requests that may arrive later
 * @throws S3ServiceException if the server refuses; any error of fetch without an answer
 */
export async function deleteInTime(
  client: S3Client,
  place: { Bucket: string; Key: string },
  since: Date,
  removal: Pick<Removal, 'mayArriveLate'>,
  patience: S3Patience,
): Promise<void> {
  const { answer, deletionSeconds, clockMilliseconds } = patience
  const settings = { signingDate: since, expiresIn: deletionSeconds }
  const url = await getSignedUrl(client, new DeleteObjectCommand(place), settings)
  const late = () => removal.mayArriveLate(deletionSeconds * 1000 + clockMilliseconds)
  await retrying(async () => {
    const response = await fetch(url, { method: 'DELETE', signal: AbortSignal.timeout(answer) }).catch(
      (error: unknown) => {
        late()
        throw error
      },
    )
    await response.body?.cancel()
    if (response.ok) return
    // A proxy that answers so may still pass the request on.
    if (response.status >= 500) late()
    throw new S3ServiceException({
      name: 'DeletionRefused',
      message: `the deletion of an object got the status ${response.status}`,
      $fault: response.status >= 500 ? 'server' : 'client',
      $metadata: { httpStatusCode: response.status },
    })
  })
}
