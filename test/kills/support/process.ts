// A tidemark process under test: started from bin/run.js, killed, paused and watched from outside.

import {spawn, type ChildProcess} from 'node:child_process';
import {join} from 'node:path';

export const ROOT = new URL('../../..', import.meta.url).pathname;
const BIN = join(ROOT, 'bin/run.js');

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Tidemark {
  readonly process: ChildProcess;
  readonly outcome: Promise<Outcome>;
  #stdout = '';
  #stderr = '';
  readonly #watchers: {needle: string; resolve: (found: boolean) => void}[] = [];

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, [BIN, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {...process.env, NO_COLOR: '1', ...environment},
    });
    this.process.stdout?.on('data', (data: Buffer) => {
      this.#stdout += data.toString();
      this.#look();
    });
    this.process.stderr?.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    this.outcome = new Promise((resolve) => {
      this.process.on('close', (status, signal) => {
        for (const watcher of this.#watchers) watcher.resolve(false);
        resolve({status, signal, stdout: this.#stdout, stderr: this.#stderr});
      });
    });
  }

  /** True once stdout holds `needle`; false when the process ended without it. */
  async printed(needle: string): Promise<boolean> {
    if (this.#stdout.includes(needle)) return true;
    return new Promise((resolve) => {
      this.#watchers.push({needle, resolve});
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  #look(): void {
    for (const watcher of this.#watchers) {
      if (this.#stdout.includes(watcher.needle)) watcher.resolve(true);
    }
  }
}

/** Runs to the end. */
export async function tidemark(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return new Tidemark(args, environment).outcome;
}

export async function pause(millis: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, millis);
  });
}

/** Rounds that run beside each other: most of a round is waiting. */
const LANES = 4;

/** Runs `action` for 0 … rounds - 1, some of them at a time; the first failure ends all lanes. */
export async function inLanes(
  rounds: number,
  action: (round: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < rounds && !failed) {
      const round = next;
      next += 1;
      await action(round).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({length: LANES}, lane));
}
