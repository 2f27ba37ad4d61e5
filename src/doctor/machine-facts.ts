// What `check-machine.ts` judges, as the operating system tells it.

import {availableParallelism, totalmem} from 'node:os';

export interface MachineFacts {
  readonly nodeVersion: string;
  readonly platform: string;
  readonly cores: number;
  /** Of the machine, or of the container when it has less. */
  readonly memoryBytes: number;
  readonly wallMillis: number;
  /** Tells one boot of the machine from the next; null: there is no /proc. */
  readonly bootId: string | null;
  /** When this process began, in /proc; null: it does not say. */
  readonly startTime: string | null;
}

export function readMachine(
  identity: Pick<MachineFacts, 'bootId' | 'startTime'>,
  wallMillis: number,
): MachineFacts {
  const limit = process.constrainedMemory();
  const total = totalmem();
  return {
    nodeVersion: process.versions.node,
    platform: process.platform,
    cores: availableParallelism(),
    memoryBytes: limit > 0 && limit < total ? limit : total,
    wallMillis,
    ...identity,
  };
}
