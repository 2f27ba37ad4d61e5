// A small job with everything that a hostile input can hit: a file source, keyed state in a file of its
// own, one sink that commits at each checkpoint and one that gets the totals at the end. What it must
// give is computed here with plain loops. `crash` leaves it as a dead process would, with whole
// checkpoints, committed output and input still to read.

import {cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync} from 'node:fs';
import {rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import type {RunRequest} from '#src/index.js';
import {Tidemark, tidemark, type Outcome} from '../../kills/support/process.ts';

export interface OrdersOptions {
  readonly rows?: number;
  readonly rowsPerSecond?: number;
  readonly intervalMillis?: number;
  /** Further lines of the job file, at its end. */
  readonly extra?: string;
  readonly users?: number;
  readonly directory?: string;
}

interface Order {
  readonly id: number;
  readonly user: string;
  readonly amount: number;
}

const ATTEMPTS_MAX = 20;

export class OrdersJob {
  readonly directory: string;
  readonly file: string;
  readonly #orders: readonly Order[];
  readonly #saved: string;

  constructor(options: OrdersOptions = {}) {
    const {rows = 300, users = 6} = options;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'tidemark-hostile-'));
    this.file = join(this.directory, 'orders.job.yaml');
    this.#saved = `${this.directory}.saved`;
    this.#orders = Array.from({length: rows}, (_, id) => ({
      id,
      user: `u${(id * 7) % users}`,
      amount: (id * 31) % 100,
    }));
    mkdirSync(join(this.directory, 'data'));
    const lines = this.#orders.map((order) => `${JSON.stringify(order)}\n`);
    writeFileSync(this.input, lines.join(''));
    writeFileSync(this.file, jobText(options));
  }

  /** A registry of its own: a name finds no job of another test. */
  get #home(): Variables {
    return {TIDEMARK_HOME: `${this.directory}.home`};
  }

  get input(): string {
    return join(this.directory, 'data', 'a.ndjson');
  }

  get state(): string {
    return join(this.directory, 'state', 'orders');
  }

  get output(): string {
    return join(this.directory, 'out');
  }

  checkpoint(id: number): string {
    return join(this.state, `chk-${id}`);
  }

  /** Ids of what is published, oldest first. */
  checkpointIds(): number[] {
    return listIfThere(this.state)
      .flatMap((name) => /^chk-(\d+)$/.exec(name)?.slice(1).map(Number) ?? [])
      .sort((left, right) => left - right);
  }

  /** Runs until the named place of the engine is passed, and dies there. */
  async crash(failpoint: string): Promise<void> {
    const {signal, stdout, stderr} = await this.run([], {TIDEMARK_FAILPOINT: failpoint});
    if (signal !== 'SIGKILL') throw new Error(`did not crash: ${stdout.slice(-800)}${stderr}`);
  }

  /**
   * Dies in the commit of the last of checkpoints 1 … `count`. On a busy machine one of them may be declined, and its id
   * is left out: then it begins again. And the next one may have begun before the commit: it goes.
   */
  async crashWithCheckpoints(count: number, place = 'sink.commit.after-link'): Promise<void> {
    for (let attempts = 1; attempts <= ATTEMPTS_MAX; attempts += 1) {
      await this.crash(`${place}:${count}`);
      if (this.checkpointIds().at(-1) === count) {
        this.#removePending();
        return;
      }
      rmSync(this.state, {recursive: true});
      rmSync(this.output, {recursive: true});
    }
    throw new Error(`no run of ${ATTEMPTS_MAX} had checkpoints 1 to ${count}`);
  }

  #removePending(): void {
    const work = join(this.state, 'work');
    for (const generation of listIfThere(work)) {
      const pending = join(work, generation, 'pending');
      for (const name of listIfThere(pending)) rmSync(join(pending, name), {recursive: true});
    }
  }

  async run(flags: readonly string[] = [], environment: Variables = {}): Promise<Outcome> {
    return tidemark(['run', this.file, ...flags], {...this.#home, ...environment});
  }

  /** As `run`, without its rate limit. */
  async finish(flags: readonly string[] = []): Promise<Outcome> {
    return this.run(['--json', '--set', 'sources.orders.rate-limit=100000', ...flags]);
  }

  start(flags: readonly string[] = [], environment: Variables = {}): Tidemark {
    return new Tidemark(['run', this.file, '--json', ...flags], {...this.#home, ...environment});
  }

  async restore(ref: string, flags: readonly string[] = []): Promise<Outcome> {
    return tidemark(['restore', ref, this.file, ...flags], this.#home);
  }

  /** Rows of the orders sink at the end, sorted. */
  referenceOrders(): string[] {
    return this.#orders
      .filter(({amount}) => amount >= 20)
      .map((order) => JSON.stringify(order))
      .sort();
  }

  referenceTotals(): string[] {
    const totals = new Map<string, {user: string; orders: number; total: number}>();
    for (const {user, amount} of this.#orders) {
      const total = totals.get(user) ?? {user, orders: 0, total: 0};
      total.orders += 1;
      total.total += amount;
      totals.set(user, total);
    }
    return [...totals.values()].map((total) => JSON.stringify(total)).sort();
  }

  /** Rows of the visible parts of a sink, sorted. */
  rows(sink: 'orders' | 'totals'): string[] {
    const directory = join(this.output, sink);
    return listIfThere(directory)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .sort();
  }

  /** Paths of the visible parts of the orders sink. */
  parts(): string[] {
    const directory = join(this.output, 'orders');
    return listIfThere(directory)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .map((name) => join(directory, name));
  }

  /** Every visible part and every file of every checkpoint, with its bytes. */
  kept(): Map<string, string> {
    const kept = new Map<string, string>();
    const roots = [
      ...this.checkpointIds().map((id) => this.checkpoint(id)),
      join(this.output, 'orders'),
      join(this.output, 'totals'),
    ];
    for (const root of roots) {
      for (const path of filesBelow(root)) {
        if (/\/\.[^/]*$|\/\.withdrawn\//.test(path)) continue;
        kept.set(relative(this.directory, path), readFileSync(path, 'latin1'));
      }
    }
    return kept;
  }

  /** The directory as it is now comes back with `reset`, at the same path. */
  save(): void {
    rmSync(this.#saved, {recursive: true, force: true});
    cpSync(this.directory, this.#saved, {recursive: true});
  }

  reset(): void {
    rmSync(this.directory, {recursive: true, force: true});
    cpSync(this.#saved, this.directory, {recursive: true});
  }

  remove(): void {
    rmSync(this.directory, {recursive: true, force: true});
    rmSync(this.#saved, {recursive: true, force: true});
    rmSync(`${this.directory}.home`, {recursive: true, force: true});
  }
}

/** What `restore REF FILE --dry-run` asks the door for. */
export function restoreOf(file: string, ref: string): RunRequest {
  return {
    file,
    overrides: {flink: [], set: []},
    fresh: false,
    restoreFrom: ref,
    allowNonRestoredState: false,
    takeOver: false,
    onDamaged: 'stop',
    outputAhead: 'refuse',
    allowDrained: false,
    shutdownTimeoutMillis: 1000,
    progressIntervalMillis: 1000,
    environment: {},
  };
}

type Variables = Readonly<Record<string, string>>;

export function filesBelow(directory: string): string[] {
  return listIfThere(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? filesBelow(path) : [path];
    });
}

function listIfThere(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** `state/` beside the job file, so that nothing outside the directory is needed. */
function jobText({rowsPerSecond = 200, intervalMillis = 30, extra = ''}: OrdersOptions): string {
  return `name: orders
sources:
  orders:
    connector: file
    path: data/*.ndjson
    format: json
    schema: {id: bigint, user: string, amount: int}
    rate-limit: ${rowsPerSecond}
steps:
  - id: large
    type: filter
    input: orders
    where: amount >= 20
  - id: by-user
    type: aggregate
    input: orders
    group-by: [user]
    select: {orders: COUNT(*), total: SUM(amount)}
sinks:
  orders-out: {connector: file, input: large, path: out/orders/, format: json}
  totals-out: {connector: file, input: by-user, path: out/totals/, format: json}
checkpointing:
  interval: ${intervalMillis}ms
  dir: file:./state
  num-retained: 3
restart-strategy: {type: fixed-delay, attempts: 5, delay: 10ms}
${extra}`;
}
