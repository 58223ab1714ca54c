import { Command } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { endUsage, writeMistake } from './usage-mistakes.ts'

/** A command, and how it runs: modules are loaded by the command that needs them. */
type Subcommand = { name: string; description: string; run: (given: readonly string[]) => Promise<void> }

const subcommands: readonly Subcommand[] = [
  {
    name: 'serve',
    description: 'serve the HTTP API',
    async run(given) {
      const { readServeOptions } = await import('./configuration/serve-options.ts')
      const options = readServeOptions(given)
      const { startServer } = await import('./server.ts')
      await startServer({ ...process.env, ...options })
    },
  },
  {
    name: 'soup',
    description: 'merge models into one, weight by weight',
    run: async given => (await import('../cli/soup.ts')).soupCommand(given),
  },
  {
    name: 'search',
    description: 'search for the best soup of some models',
    run: async given => (await import('../cli/search.ts')).searchCommand(given),
  },
  {
    name: 'evaluate',
    description: 'score a model on a data set',
    run: async given => (await import('../cli/evaluate.ts')).evaluateCommand(given),
  },
  {
    name: 'compare',
    description: 'compare models pair by pair',
    run: async given => (await import('../cli/compare.ts')).compareCommand(given),
  },
  {
    name: 'export',
    description: 'show how an ONNX model follows from a checkpoint',
    run: async given => (await import('../cli/export.ts')).exportCommand(given),
  },
  {
    name: 'inspect',
    description: 'show what a model is',
    run: async given => (await import('../cli/inspect.ts')).inspectCommand(given),
  },
  {
    name: 'push',
    description: 'put models and data sets on a server',
    run: async given => (await import('../cli/push.ts')).pushCommand(given),
  },
  {
    name: 'pull',
    description: 'write a model of a server to a file',
    run: async given => (await import('../cli/pull.ts')).pullCommand(given),
  },
  {
    name: 'ls',
    description: 'list the models, data sets, exports or jobs of a server',
    run: async given => (await import('../cli/ls.ts')).listCommand(given),
  },
  {
    name: 'label',
    description: 'rename and label a model or data set',
    run: async given => (await import('../cli/label.ts')).labelCommand(given),
  },
  {
    name: 'rm',
    description: 'delete models, data sets, exports and jobs',
    run: async given => (await import('../cli/rm.ts')).removeCommand(given),
  },
  {
    name: 'jobs',
    description: 'list the jobs of a server',
    run: async given => (await import('../cli/ls.ts')).jobsCommand(given),
  },
  {
    name: 'watch',
    description: 'follow a job to its end',
    run: async given => (await import('../cli/watch.ts')).watchCommand(given),
  },
  {
    name: 'cancel',
    description: 'cancel jobs',
    run: async given => (await import('../cli/cancel.ts')).cancelCommand(given),
  },
  {
    name: 'recipe',
    description: 'show the recipe that makes a soup again',
    run: async given => (await import('../cli/recipe.ts')).recipeCommand(given),
  },
  {
    name: 'score',
    description: 'score the candidates of a search by a command',
    run: async given => (await import('../cli/score.ts')).scoreCommand(given),
  },
  {
    name: 'completion',
    description: 'write completion for a shell',
    run: async given => (await import('../cli/completion.ts')).completionCommand(given),
  },
  {
    name: 'help',
    description: 'show a page of the documentation',
    async run(given) {
      const named = subcommands.find(({ name }) => name === given[0] && name !== 'help')
      if (named) return named.run(['--help'])
      await (await import('../cli/help.ts')).helpCommand(given)
    },
  },
  {
    name: 'check',
    description: 'check a store',
    run: async given => (await import('./check-store.ts')).checkStoreCommand(given),
  },
  {
    name: 'backup',
    description: 'write a consistent copy of a store; its server may run',
    run: async given => (await import('./backup.ts')).backUpCommand(given),
  },
  {
    name: 'migrate',
    description: 'move a store to PostgreSQL and S3',
    run: async given => (await import('./migrate.ts')).migrateCommand(given),
  },
]

/** Returns the program `tureen`, whose commands read their own arguments. */
function createProgram(): Command {
  const program = new Command('tureen')
    .description('Model soups out of ONNX files.')
    .version(packageJson.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this text; after a command, its options')
    .helpCommand(false)
    .enablePositionalOptions()
    .configureOutput({ outputError: writeMistake })
    .exitOverride(endUsage)
  for (const { name, description, run } of subcommands)
    program
      .command(name)
      .description(description)
      .usage('[options]')
      .argument('[arguments...]')
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .action(run)
  return program
}

if (import.meta.main) await createProgram().parseAsync()
