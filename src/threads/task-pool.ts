import { Piscina } from 'piscina'

/** Worker threads, and how many milliseconds one may work on a task. */
export class TaskPool extends Piscina {
  readonly taskMilliseconds: number

  constructor(options: ConstructorParameters<typeof Piscina>[0], taskMilliseconds: number) {
    super(options)
    this.taskMilliseconds = taskMilliseconds
  }
}
