// The job that is killed, and what it must give: computed here from the same records with plain loops,
// not with anything of the engine.

import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {SeededRandom} from '#src/base/random.js';

interface Reading {
  readonly id: number;
  readonly sensor: string;
  readonly value: number;
  readonly at: number;
}

export interface KillJobOptions {
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly seed: number;
  readonly checkpointMillis?: number;
  /** Of both sinks. */
  readonly mode?: 'append' | 'overwrite' | 'error-if-exists';
}

const WINDOW_MILLIS = 60_000;
const START = Date.UTC(2026, 0, 1);

/** A scratch directory with input, job file and the reference output. */
export class KillJob {
  readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-kills-'));
  readonly file = join(this.directory, 'readings.job.yaml');
  readonly #readings: readonly Reading[];

  constructor(options: KillJobOptions) {
    this.#readings = makeReadings(options);
    mkdirSync(join(this.directory, 'data'));
    const half = Math.floor(options.rows / 2);
    this.#writeSplit('a.ndjson', this.#readings.slice(0, half));
    this.#writeSplit('b.ndjson', this.#readings.slice(half));
    writeFileSync(this.file, jobText(options));
  }

  get checkpointDirectory(): string {
    return join(this.directory, 'state', 'readings');
  }

  /** The newest generation has its end record: a death after that is one of a finished run. */
  get finished(): boolean {
    const owner = join(this.checkpointDirectory, 'owner');
    const records = listIfThere(owner).filter((name) => /^\d+$/.test(name));
    const newest = records.sort().at(-1);
    if (newest === undefined || !listIfThere(owner).includes(`${newest}.end`)) return false;
    return readFileSync(join(owner, `${newest}.end`), 'utf8').includes('"finished"');
  }

  /** Rows that sink `high` must hold at the end, as text, sorted. */
  referenceHigh(): string[] {
    return this.#readings
      .filter((reading) => reading.value > 50)
      .map(({id, sensor, value}) => JSON.stringify({id, sensor, value}))
      .sort();
  }

  /** Rows that sink `per-minute` must hold at the end, as text, sorted. */
  referencePerMinute(): string[] {
    const groups = new Map<
      string,
      {sensor: string; minute: number; readings: number; total: number}
    >();
    for (const {sensor, value, at} of this.#readings) {
      const minute = Math.floor(at / WINDOW_MILLIS) * WINDOW_MILLIS;
      const key = `${sensor}@${minute}`;
      const group = groups.get(key) ?? {sensor, minute, readings: 0, total: 0};
      group.readings += 1;
      group.total += value;
      groups.set(key, group);
    }
    return [...groups.values()]
      .map(({sensor, minute, readings, total}) =>
        JSON.stringify({
          sensor,
          minute: new Date(minute).toISOString().replace('.000Z', 'Z'),
          readings,
          total,
        }),
      )
      .sort();
  }

  /** Every visible part file of a sink with its content. */
  parts(sink: 'high' | 'per-minute'): Map<string, string> {
    const directory = join(this.directory, 'out', sink);
    const parts = new Map<string, string>();
    for (const name of listIfThere(directory)) {
      if (!name.startsWith('.'))
        parts.set(`${sink}/${name}`, readFileSync(join(directory, name), 'utf8'));
    }
    return parts;
  }

  /** Hidden files that are left in the output directories. */
  leftovers(): string[] {
    return ['high', 'per-minute'].flatMap((sink) =>
      listIfThere(join(this.directory, 'out', sink)).filter((name) => name.startsWith('.')),
    );
  }

  remove(): void {
    rmSync(this.directory, {recursive: true, force: true});
  }

  #writeSplit(name: string, readings: readonly Reading[]): void {
    const lines = readings.map(({id, sensor, value, at}) =>
      JSON.stringify({id, sensor, value, at: new Date(at).toISOString()}),
    );
    writeFileSync(join(this.directory, 'data', name), `${lines.join('\n')}\n`);
  }
}

/** The rows of part files, as text, sorted. */
export function rowsOf(parts: ReadonlyMap<string, string>): string[] {
  return [...parts.values()]
    .flatMap((text) => text.split('\n').filter((line) => line !== ''))
    .sort();
}

function listIfThere(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function makeReadings({rows, seed}: KillJobOptions): Reading[] {
  const random = new SeededRandom(seed);
  return Array.from({length: rows}, (_, id) => ({
    id,
    sensor: `s${Math.floor(random.next() * 40)}`,
    value: Math.floor(random.next() * 100),
    // Ordered within 20 s: less than the job's out-of-orderness, so nothing is late.
    at: START + id * 50 + Math.floor(random.next() * 20_000),
  }));
}

function jobText({rowsPerSecond, checkpointMillis = 200, mode = 'append'}: KillJobOptions): string {
  return `name: readings
sources:
  readings:
    connector: file
    path: data/*.ndjson
    format: json
    ordered: true
    schema: {id: bigint, sensor: string, value: int, at: timestamp}
    watermark: {column: at, max-out-of-orderness: 30s}
    rate-limit: ${rowsPerSecond}
steps:
  - id: above
    type: filter
    input: readings
    where: "value > 50"
  - id: narrow
    type: project
    input: above
    select: {id: id, sensor: sensor, value: value}
  - id: by-minute
    type: aggregate
    input: readings
    group-by: [sensor]
    window: {tumbling: 1 min}
    select: {minute: window_start, readings: COUNT(*), total: SUM(value)}
sinks:
  high: {connector: file, input: narrow, path: out/high/, format: json, mode: ${mode}}
  per-minute: {connector: file, input: by-minute, path: out/per-minute/, format: json, mode: ${mode}}
checkpointing:
  interval: ${checkpointMillis}ms
  dir: file:./state
`;
}
