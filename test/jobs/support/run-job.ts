// Runs a shipped job in a scratch directory: its own output and checkpoints are never touched.

import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {ROOT, Tidemark, tidemark, type Outcome} from '../../kills/support/process.ts';
import {
  publishedCheckpoints,
  type FoundCheckpoint,
} from '../../kills/support/published-checkpoints.ts';
import type {Row} from './reference.ts';

export class ScratchJob {
  readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-jobs-'));
  readonly #name: string;
  readonly #settings: readonly string[];

  constructor(name: string, settings: readonly string[] = []) {
    this.#name = name;
    this.#settings = settings;
  }

  arguments({parallelism, settings: more = []}: RunOptions = {}): string[] {
    const settings = [
      `sinks.out.path=${this.directory}/out/`,
      `checkpointing.dir=file:${this.directory}/state`,
      ...this.#settings,
      ...more,
    ];
    return [
      'run',
      join(ROOT, 'jobs', this.#name, `${this.#name}.job.yaml`),
      '--json',
      ...settings.flatMap((setting) => ['--set', setting]),
      ...(parallelism === undefined ? [] : ['-p', String(parallelism)]),
    ];
  }

  async run(options: RunOptions = {}): Promise<Outcome> {
    return tidemark(this.arguments(options));
  }

  /** Starts it; the caller ends it. */
  start(options: RunOptions = {}): Tidemark {
    return new Tidemark(this.arguments(options));
  }

  /** Published ones, oldest first. */
  checkpoints(): FoundCheckpoint[] {
    return publishedCheckpoints(join(this.directory, 'state', this.#name));
  }

  /** Committed rows, in the order of the part files' epochs. */
  rows(): Row[] {
    const out = join(this.directory, 'out');
    return readdirSync(out)
      .filter((name) => !name.startsWith('.'))
      .sort((left, right) => epochOf(left) - epochOf(right))
      .flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row);
  }

  remove(): void {
    rmSync(this.directory, {recursive: true, force: true});
  }
}

/** What `-p` and `--set` add to a run. */
export interface RunOptions {
  readonly parallelism?: number;
  readonly settings?: readonly string[];
}

/** The checkpoint id in a part file's name: `….c000012-g…`. */
function epochOf(name: string): number {
  const match = /\.c(\d+)-g/.exec(name);
  if (match === null) throw new Error(`not a part file: ${name}`);
  return Number(match[1]);
}

/** The newest row of each key. */
export function newestByKey(rows: readonly Row[], key: string): Row[] {
  return [...new Map(rows.map((row) => [row[key], row])).values()];
}
