// A job with everything that is split among subtasks: files, a generator, a union of both, windows and groups behind
// exchanges by key, and a slow sink behind the windows, so that their input waits in the rings. What it must give is
// computed here with plain loops. Rows of one lane (a split, a key) become visible in one order at any parallelism.

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {SeededRandom} from '#src/base/random.js';

import {publishedCheckpoints, type FoundCheckpoint} from './published-checkpoints.ts';

export interface MixedJobOptions {
  readonly seed: number;
  /** Of the files; the generator makes a fourth of that. */
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Rows of windows per second and subtask that find a taker. */
  readonly windowsPerSecond?: number;
  readonly checkpointMillis?: number;
}

interface Reading {
  readonly id: number;
  readonly sensor: string;
  readonly value: number;
  readonly at: number;
}

type Row = Readonly<Record<string, string | number>>;

const SINKS = ['high', 'ticks', 'per-minute', 'totals', 'running'] as const;
type Sink = (typeof SINKS)[number];

const FILES = 10;
const SENSORS = 24;
const WINDOW_MILLIS = 60_000;
const START = Date.UTC(2026, 0, 1);
const STEP_MILLIS = 50;

export class MixedJob {
  readonly directory = mkdtempSync(join(tmpdir(), 'tidemark-mixed-'));
  readonly file = join(this.directory, 'mixed.job.yaml');
  readonly #options: MixedJobOptions;
  readonly #readings: readonly Reading[];
  readonly #seen = new Map<string, string>();

  constructor(options: MixedJobOptions) {
    this.#options = options;
    this.#readings = makeReadings(options);
    mkdirSync(join(this.directory, 'data'));
    for (let file = 0; file < FILES; file += 1) {
      const lines = this.#readings
        .filter(({id}) => this.#fileOf(id) === file)
        .map(({at, ...reading}) => JSON.stringify({...reading, at: new Date(at).toISOString()}));
      writeFileSync(join(this.directory, 'data', `${file}.ndjson`), `${lines.join('\n')}\n`);
    }
    writeFileSync(this.file, jobText(options));
  }

  get checkpointDirectory(): string {
    return join(this.directory, 'state', 'mixed');
  }

  /** Published ones, oldest first. */
  checkpoints(): FoundCheckpoint[] {
    return publishedCheckpoints(this.checkpointDirectory);
  }

  /** It comes back, as it is now, with `reset`: at the same path, because prepared parts name it. */
  save(): void {
    cpSync(this.directory, `${this.directory}.saved`, {recursive: true});
  }

  reset(): void {
    rmSync(this.directory, {recursive: true, force: true});
    cpSync(`${this.directory}.saved`, this.directory, {recursive: true});
    this.#seen.clear();
  }

  /** The newest generation has its end record. */
  get finished(): boolean {
    const owner = join(this.checkpointDirectory, 'owner');
    const names = listIfThere(owner);
    const newest = names
      .filter((name) => /^\d+$/.test(name))
      .sort()
      .at(-1);
    if (newest === undefined || !names.includes(`${newest}.end`)) return false;
    return readFileSync(join(owner, `${newest}.end`), 'utf8').includes('"finished"');
  }

  /** What was once visible stays as it is, every visible file is whole, and every lane is visible up to some row. */
  checkVisible(): void {
    for (const sink of SINKS) {
      const parts = this.#parts(sink);
      for (const [name, text] of this.#seen) {
        if (name.startsWith(`${sink}/`) && parts.get(name) !== text) {
          throw new Error(`committed part file changed or vanished: ${name}`);
        }
      }
      for (const [name, text] of parts) {
        if (!text.endsWith('\n')) throw new Error(`visible part file is not whole: ${name}`);
        this.#seen.set(name, text);
      }
    }
    this.#checkLanes('high', this.#referenceHigh(), ({id}) => String(this.#fileOf(Number(id))));
    const ticks = this.#tickIds();
    if (new Set(ticks).size !== ticks.length) throw new Error('ticks: a row is doubled');
  }

  /** Everything is there, once. */
  checkEnd(): void {
    this.checkVisible();
    const ticks = this.#tickIds().sort((left, right) => left - right);
    const count = tickCount(this.#options);
    if (ticks.length !== count || ticks.some((id, index) => id !== index)) {
      throw new Error(`ticks: ${ticks.length} rows of ${count}`);
    }
    const high = this.#referenceHigh();
    expectSame('high', this.#rows('high'), high);
    expectSame('per-minute', this.#rows('per-minute'), this.#referencePerMinute());
    const totals = this.#referenceTotals();
    expectSame('totals', this.#rows('totals'), totals);
    expectSame('running', newestBy(this.#rows('running'), 'sensor'), totals);
    const left = SINKS.flatMap((sink) => this.#names(sink).filter((name) => name.startsWith('.')));
    if (left.length > 0) throw new Error(`temporaries are left: ${left.join(', ')}`);
  }

  remove(): void {
    rmSync(this.directory, {recursive: true, force: true});
    rmSync(`${this.directory}.saved`, {recursive: true, force: true});
  }

  #fileOf(id: number): number {
    return Math.floor((id * FILES) / this.#options.rows);
  }

  #referenceHigh(): Row[] {
    return this.#readings
      .filter(({value}) => value > 50)
      .map(({id, sensor, value}) => ({id, sensor, value}));
  }

  #referencePerMinute(): Row[] {
    const minuteOf = ({at}: Reading): number => Math.floor(at / WINDOW_MILLIS) * WINDOW_MILLIS;
    return groups(this.#everything(), (reading) => `${reading.sensor}@${minuteOf(reading)}`).map(
      ([first, rows, total]) => ({
        sensor: first.sensor,
        minute: new Date(minuteOf(first)).toISOString().replace('.000Z', 'Z'),
        rows,
        total,
      }),
    );
  }

  #referenceTotals(): Row[] {
    return groups(this.#everything(), ({sensor}) => sensor).map(([{sensor}, rows, total]) => ({
      sensor,
      rows,
      total,
    }));
  }

  /** The readings, and the ticks as the job showed them. */
  #everything(): Reading[] {
    const ticks = this.#rows('ticks').map((row) => ({
      id: Number(row['id']),
      sensor: String(row['sensor']),
      value: Number(row['value']),
      at: Date.parse(String(row['at'])),
    }));
    return [...this.#readings, ...ticks];
  }

  #tickIds(): number[] {
    return this.#rows('ticks').map(({id}) => Number(id));
  }

  /** In each lane the visible rows are the first ones of the reference. */
  #checkLanes(sink: Sink, reference: readonly Row[], laneOf: (row: Row) => string): void {
    const visible = groupBy(this.#rows(sink), laneOf);
    const due = groupBy(reference, laneOf);
    for (const [lane, rows] of visible) {
      const first = (due.get(lane) ?? []).slice(0, rows.length);
      expectSame(`${sink}, lane ${lane}`, rows, first);
    }
  }

  #names(sink: Sink): string[] {
    return listIfThere(join(this.directory, 'out', sink));
  }

  #parts(sink: Sink): Map<string, string> {
    const visible = this.#names(sink).filter((name) => !name.startsWith('.'));
    return new Map(
      visible
        .sort((left, right) => epochOf(left) - epochOf(right))
        .map((name) => [
          `${sink}/${name}`,
          readFileSync(join(this.directory, 'out', sink, name), 'utf8'),
        ]),
    );
  }

  /** In the order of their epochs. */
  #rows(sink: Sink): Row[] {
    return [...this.#parts(sink).values()]
      .flatMap((text) => text.split('\n').filter((line) => line !== ''))
      .map((line) => JSON.parse(line) as Row);
  }
}

function groups(
  readings: readonly Reading[],
  keyOf: (reading: Reading) => string,
): [first: Reading, rows: number, total: number][] {
  return [...groupBy(readings, keyOf).values()].map((group) => [
    group[0]!,
    group.length,
    group.reduce((sum, {value}) => sum + value, 0),
  ]);
}

/** In the order of their first members. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const all = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = all.get(key);
    if (group === undefined) all.set(key, [item]);
    else group.push(item);
  }
  return all;
}

function newestBy(rows: readonly Row[], key: string): Row[] {
  return [...new Map(rows.map((row) => [row[key], row])).values()];
}

function asText(rows: readonly Row[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** The first row of `rows` that `of` does not hold (as multisets), or null. */
function firstNotIn(rows: readonly Row[], of: readonly Row[]): string | null {
  const [wanted, there] = [asText(rows), asText(of)];
  let position = 0;
  for (const row of wanted) {
    while (position < there.length && there[position]! < row) position += 1;
    if (there[position] !== row) return row;
    position += 1;
  }
  return null;
}

function expectSame(what: string, rows: readonly Row[], reference: readonly Row[]): void {
  const lost = firstNotIn(reference, rows);
  const extra = firstNotIn(rows, reference);
  if (lost === null && extra === null) return;
  const counts = `${rows.length} rows, ${reference.length} due`;
  throw new Error(`${what}: lost ${lost ?? 'nothing'}, too much ${extra ?? 'nothing'} (${counts})`);
}

/** The checkpoint id in a part file's name. */
function epochOf(name: string): number {
  return Number(/\.c(\d+)-g/.exec(name)?.[1] ?? 0);
}

function listIfThere(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function tickCount({rows}: MixedJobOptions): number {
  return Math.floor(rows / 4);
}

function makeReadings({rows, seed}: MixedJobOptions): Reading[] {
  const random = new SeededRandom(seed);
  return Array.from({length: rows}, (_, id) => ({
    id,
    sensor: `s${Math.floor(random.next() * SENSORS)}`,
    value: Math.floor(random.next() * 100),
    // Ordered within 20 s: less than the out-of-orderness of the job, so nothing is late.
    at: START + id * STEP_MILLIS + Math.floor(random.next() * 20_000),
  }));
}

function jobText(options: MixedJobOptions): string {
  const {rowsPerSecond, windowsPerSecond = 100, checkpointMillis = 150, seed} = options;
  const sensors = Array.from({length: SENSORS}, (_, index) => `s${index}`);
  const sink = (name: string, input: string): string =>
    `  ${name}: {connector: file, input: ${input}, path: out/${name}/, format: json}`;
  return `name: mixed
max-parallelism: 16
sources:
  readings:
    connector: file
    path: data/*.ndjson
    format: json
    ordered: true
    schema: {id: bigint, sensor: string, value: int, at: timestamp}
    watermark: {column: at, max-out-of-orderness: 30s}
    rate-limit: ${rowsPerSecond}
  generated:
    connector: generator
    seed: ${seed}
    rows: ${tickCount(options)}
    rate-limit: ${rowsPerSecond / 4}
    fields:
      id: {kind: sequence}
      sensor: {kind: choice, values: [${sensors.join(', ')}]}
      value: {kind: uniform, min: 0, max: 99, type: int}
      at: {kind: timestamp, start: 2026-01-01T00:00:00Z, step: ${4 * STEP_MILLIS}ms, disorder: 5s}
    watermark: {column: at, max-out-of-orderness: 30s}
steps:
  - {id: above, type: filter, input: readings, where: value > 50}
  - {id: narrow, type: project, input: above, select: {id: id, sensor: sensor, value: value}}
  - {id: both, type: union, input: [readings, generated]}
  - id: by-minute
    type: aggregate
    input: both
    group-by: [sensor]
    window: {tumbling: 1 min}
    select: {minute: window_start, rows: COUNT(*), total: SUM(value)}
  - id: at-end
    type: aggregate
    input: both
    group-by: [sensor]
    select: {rows: COUNT(*), total: SUM(value)}
  - id: so-far
    type: aggregate
    input: both
    group-by: [sensor]
    emit: on-checkpoint
    select: {rows: COUNT(*), total: SUM(value)}
sinks:
${sink('high', 'narrow')}
${sink('ticks', 'generated')}
${sink('per-minute', 'by-minute')}
${sink('totals', 'at-end')}
${sink('running', 'so-far')}
  slow: {connector: blackhole, input: by-minute, rate-limit: ${windowsPerSecond}}
checkpointing:
  interval: ${checkpointMillis}ms
  dir: file:./state
`;
}
