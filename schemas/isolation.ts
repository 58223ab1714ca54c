import { z } from 'zod'

export const isolation = z
  .object({
    level: z
      .enum(['landlock', 'bubblewrap', 'seccomp', 'limits'])
      .describe(
        'Means of isolation, strongest first: Landlock and seccomp; bubblewrap; seccomp alone; or limits of processor time and memory alone',
      ),
    fileSystem: z
      .boolean()
      .describe('True if a model that runs can read only the program and the files of its job, and can write nothing'),
    network: z.boolean().describe('True if a model that runs can reach no network'),
    processes: z.boolean().describe('True if a model that runs can reach no other process'),
    systemCalls: z.boolean().describe('True if the system refuses every system call that evaluators do not need'),
    ownUser: z
      .boolean()
      .describe('True if evaluators run as a user of their own. Only a server that runs as root can change the user'),
    landlockAbi: z.number().int().nullable().describe('Version of Landlock in use; null: none'),
  })
  .describe('Isolation of evaluators, the processes in which models run, as tried at the start of the server')
  .meta({ id: 'Isolation' })

export type Isolation = z.infer<typeof isolation>
