import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { freePort } from './nginx.ts'

const run = promisify(execFile)

/** Names of the usual AWS variables, with the values for the server of the tests. */
export type S3Variables = Record<string, string>

/** An S3 server of the tests: Ceph's radosgw with one monitor and one object store in memory. */
export type S3Server = {
  /** Address of the server. */
  endpoint: string
  /** The usual AWS variables for its user, as processes need them. */
  variables: S3Variables
  /** A client of its user. */
  client: S3Client
  /** Makes an empty bucket. @returns its name */
  createBucket(): Promise<string>
  /** Ends the gateway: connections are refused. What is stored stays. */
  stop(): Promise<void>
  /** Starts the gateway again, on the same port. */
  start(): Promise<void>
  /** Ends all processes, and removes their files. */
  remove(): Promise<void>
}

const [accessKey, secretKey] = ['tests', 'secret-of-tests']

/** Starts an S3 server on a free port. It takes 2 to 15 seconds. */
export async function startS3(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'tureen-s3-'))
  const [monitorPort, port] = [await freePort(), await freePort()]
  const [cluster, disk] = [randomUUID(), randomUUID()]
  const settings = join(directory, 'ceph.conf')
  const env = { ...process.env, CEPH_CONF: settings }
  const running: ChildProcess[] = []
  const ceph = (program: string, ...words: string[]) => run(program, words, { env })
  const startProcess = (program: string, ...words: string[]) => {
    const child = spawn(program, [...words, '-f'], { env, stdio: 'ignore' })
    running.push(child)
    return child
  }
  for (const name of ['mon', 'osd', 'rgw']) await mkdir(join(directory, name))
  await writeFile(join(directory, 'keyring'), '')
  await writeFile(settings, configuration(directory, cluster, monitorPort, port))

  const map = join(directory, 'monmap')
  await ceph('monmaptool', '--create', '--fsid', cluster, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}/0]`, map)
  await ceph('ceph-mon', '-i', 'a', '--mkfs', '--monmap', map)
  startProcess('ceph-mon', '-i', 'a')
  await ceph('ceph', 'osd', 'new', disk)
  await ceph('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk)
  await ceph('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=here')
  startProcess('ceph-osd', '-i', '0')
  const keys = ['--access-key', accessKey, '--secret-key', secretKey]
  await ceph('radosgw-admin', 'user', 'create', '--uid=tests', '--display-name=tests', ...keys)

  const endpoint = `http://127.0.0.1:${port}`
  let gateway: ChildProcess | undefined
  const start = async () => {
    const started = startProcess('radosgw', '-n', 'client.rgw')
    gateway = started
    while (!(await answers(endpoint))) {
      if (started.exitCode !== null) throw new Error(`radosgw ended with ${started.exitCode}`)
      await delay(50)
    }
  }
  await start()

  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  return {
    endpoint,
    client,
    variables: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
      TUREEN_S3_PATH_STYLE: 'true',
    },
    async createBucket() {
      const Bucket = `b-${randomUUID()}`
      await client.send(new CreateBucketCommand({ Bucket }))
      return Bucket
    },
    async stop() {
      if (gateway) await end(gateway)
    },
    start,
    async remove() {
      client.destroy()
      for (const child of running.reverse()) await end(child)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    response => response.ok,
    () => false,
  )
}

/** Returns the settings of Ceph's programs: no authentication among them, one copy of everything, in memory, next to no files. */
function configuration(directory: string, cluster: string, monitorPort: number, port: number): string {
  const settings = {
    fsid: cluster,
    'mon host': `[v2:127.0.0.1:${monitorPort}/0]`,
    'public addr': '127.0.0.1',
    'ms bind msgr1': 'false',
    'auth cluster required': 'none',
    'auth service required': 'none',
    'auth client required': 'none',
    'ms mon client mode': 'crc',
    keyring: join(directory, 'keyring'),
    'run dir': directory,
    'admin socket': join(directory, '$name.$pid.asok'),
    'log file': join(directory, '$name.log'),
    'crash dir': directory,
    'mon data': join(directory, 'mon'),
    'osd data': join(directory, 'osd'),
    'osd objectstore': 'memstore',
    'memstore device bytes': String(8 * 2 ** 30),
    'osd pool default size': '1',
    'osd pool default pg num': '8',
    'osd pool default pg autoscale mode': 'off',
    'mon allow pool size one': 'true',
    'mon max pg per osd': '2000',
    'rgw data': join(directory, 'rgw'),
    'rgw frontends': `beast endpoint=127.0.0.1:${port} tcp_nodelay=1`,
    'paxos propose interval': '0.05',
    'paxos min wait': '0.01',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  return ['[global]', ...lines, ''].join('\n')
}
