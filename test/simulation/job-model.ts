// Jobs by seed, and what each must give: computed here from the same rows with plain loops, by nothing of the
// engine. A job is the text of a job file, which the engine loads as it loads any other.

import type {Draw} from './draw.ts';

export const JOB_NAME = 'sim';
export const JOB_DIRECTORY = '/job';
export const JOB_FILE = `${JOB_DIRECTORY}/sim.job.yaml`;
export const CHECKPOINTS = `${JOB_DIRECTORY}/state/${JOB_NAME}`;
/** Where that lies once it was moved (claims.ts). */
export const ASIDE = `${JOB_DIRECTORY}/before/${JOB_NAME}`;
/** Of the same job in another directory, with output of its own (neighbour.ts). */
export const BESIDE = `${JOB_DIRECTORY}/beside/state/${JOB_NAME}`;

export interface InputRow {
  readonly id: number;
  readonly k: number | null;
  readonly v: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One source and its rows; `position` tells how many of them a checkpoint has behind it. */
export interface SourceModel {
  readonly uid: string;
  readonly kind: 'generator' | 'file';
  readonly keys: number;
  /** Of a generator: in the order of their numbers. */
  readonly rows: readonly InputRow[];
  readonly splits: number;
  readonly files: readonly FileModel[];
  readonly yaml: string;
}

export interface FileModel {
  /** Relative to the job file. */
  readonly path: string;
  readonly text: string;
  readonly rows: readonly InputRow[];
  /** Offset behind each row. */
  readonly ends: readonly number[];
}

export type SinkKind = 'rows' | 'at-end' | 'on-checkpoint' | 'windows';

export interface SinkModel {
  readonly uid: string;
  readonly kind: SinkKind;
  readonly directory: string;
  /** Where the output lies that it goes on from; null: nowhere else. */
  readonly before: string | null;
  readonly mode: 'append' | 'overwrite';
}

/** How a checkpoint cuts the rows that are on their way. */
export type BarrierMode = 'aligned' | 'at-least-once' | 'unaligned' | 'timeout';

export interface JobModel {
  readonly text: string;
  readonly mode: BarrierMode;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly sources: readonly SourceModel[];
  readonly sinks: readonly SinkModel[];
  /** Rows of `v % 10` below it pass. */
  readonly passBelow: number;
  readonly windowMillis: number;
  readonly numRetained: number;
  readonly rowCount: number;
}

const START = Date.UTC(2026, 0, 1);
/** Few, so that each has several rows; many, so that a checkpoint changes some of them and not others. */
const FEW_KEYS = 7;
const MANY_KEYS = 61;
const DISORDER_MILLIS = 900;
const PARALLELISMS = [1, 1, 1, 2, 2, 2, 3, 4] as const;

export function makeJob(draw: Draw): JobModel {
  const sources = Array.from({length: draw.integer(1, 3)}, (_, index) =>
    draw.chance(0.5) ? generator(draw, index) : files(draw, index),
  );
  const passBelow = draw.integer(3, 10);
  const windowMillis = draw.pick([1000, 2000, 5000, 20_000]);
  const mode = draw.chance(0.3) ? 'overwrite' : 'append';
  const kinds = (['at-end', 'on-checkpoint', 'windows'] as const).filter(() => draw.chance(0.45));
  const sinks = (['rows', ...kinds] as const).map((kind): SinkModel => ({
    uid: `to-${kind}`,
    kind,
    directory: `${JOB_DIRECTORY}/out/${kind}`,
    before: null,
    mode,
  }));
  const numRetained = draw.integer(1, 3);
  const parallelism = draw.pick(PARALLELISMS);
  const maxParallelism = draw.pick([8, 16, 128]);
  const barriers = draw.pick<BarrierMode>([
    'aligned',
    'aligned',
    'at-least-once',
    'unaligned',
    'timeout',
  ]);
  const text = [
    `name: ${JOB_NAME}`,
    `parallelism: ${parallelism}`,
    `max-parallelism: ${maxParallelism}`,
    'sources:',
    ...sources.map(({yaml}) => `  ${yaml}`),
    'steps:',
    ...stepLines(draw, sources, passBelow),
    ...kinds.map((kind) => `  - ${aggregateStep(kind, windowMillis, passBelow)}`),
    'sinks:',
    ...sinks.map(
      ({uid, kind}) =>
        `  ${uid}: {connector: file, input: ${kind}, path: out/${kind}/, format: json, mode: ${mode}}`,
    ),
    `checkpointing: ${checkpointing(draw, numRetained, barriers, incrementalOf(sources))}`,
    `heartbeat: {interval: 200 ms, timeout: ${Math.ceil(draw.logarithmic(1500, 8000))} ms}`,
    `restart-strategy: ${restartStrategy(draw)}`,
    // Last, so that the rest of a job does not depend on it.
    ...stateLines(draw),
    '',
  ].join('\n');
  const rowCount = sources.reduce((sum, {rows}) => sum + rows.length, 0);
  return {
    text,
    mode: barriers,
    parallelism,
    maxParallelism,
    sources,
    sinks,
    passBelow,
    windowMillis,
    numRetained,
    rowCount,
  };
}

/** The job as it runs in `BESIDE`. */
export function besideOf(job: JobModel): JobModel {
  return {
    ...job,
    text: job.text
      .replaceAll(', path: out/', ', path: beside/out/')
      // A fresh start there would take away what somebody goes on from.
      .replaceAll(', mode: overwrite}', ', mode: append}')
      // So that it is still there when somebody begins from it.
      .replaceAll(/rate-limit: (\d+)/g, (_, rate) => `rate-limit: ${Math.ceil(Number(rate) / 4)}`)
      .replace('dir: "file:./state"', 'dir: "file:./beside/state"'),
    sinks: job.sinks.map((sink) => ({
      ...sink,
      directory: outBeside(sink),
      before: null,
      mode: 'append',
    })),
  };
}

/** The job as it goes on from checkpoints of the one in `BESIDE`. */
export function afterBeside(job: JobModel): JobModel {
  return {...job, sinks: job.sinks.map((sink) => ({...sink, before: outBeside(sink)}))};
}

function outBeside({kind}: SinkModel): string {
  return `${JOB_DIRECTORY}/beside/out/${kind}`;
}

/** Over a store in memory (test/state/support/memory-store.ts). Of many keys the cache holds some. */
function stateLines(draw: Draw): string[] {
  return draw.chance(0.3) ? ['state: {backend: rocksdb, rocksdb: {cache-size: 2kb}}'] : [];
}

function stepLines(draw: Draw, sources: readonly SourceModel[], passBelow: number): string[] {
  const shaped = sources.filter(({kind}) => kind === 'generator');
  const inputs = sources.map(({uid, kind}) => (kind === 'generator' ? `shaped-${uid}` : uid));
  const lines = shaped.map(
    ({uid, keys}) =>
      `  - {id: shaped-${uid}, type: project, input: ${uid}, select: {id: id, k: "MOD(id, ${keys})", v: "MOD(id * 31, 101)", at: at}}`,
  );
  const before = inputs.length > 1 ? 'all' : inputs[0]!;
  if (inputs.length > 1) lines.push(`  - {id: all, type: union, input: [${inputs.join(', ')}]}`);
  const partitioning = draw.chance(0.3) ? ', partitioning: rebalance' : '';
  lines.push(
    `  - {id: rows, type: filter, input: ${before}, where: "MOD(v, 10) < ${passBelow}"${partitioning}}`,
  );
  return lines;
}

/** Some expire, but not before the seed ends, however the clock jumps: rows carry their time through every fault. */
const TTL =
  'ttl: {duration: 9999 d, update-type: on-read-and-write, cleanup: {full-snapshot: true, incremental: {cleanup-size: 3}}}';

function aggregateStep(
  kind: Exclude<SinkKind, 'rows'>,
  windowMillis: number,
  passBelow: number,
): string {
  const head = `{id: ${kind}, type: aggregate, input: rows, group-by: [k]`;
  const ttl = passBelow % 2 === 1 ? `, ${TTL}` : '';
  if (kind !== 'windows')
    return `${head}, emit: ${kind}${ttl}, select: {n: COUNT(*), total: SUM(v)}}`;
  return `${head}, window: {tumbling: ${windowMillis} ms}, select: {start: window_start, n: COUNT(*), total: SUM(v)}}`;
}

function generator(draw: Draw, index: number): SourceModel {
  const uid = `made-${index}`;
  const count = draw.integer(10, 150);
  const first = index * 1_000_000;
  const stepMillis = draw.integer(5, 200);
  const splits = draw.integer(1, 8);
  const keys = keysOf(count);
  const rows = Array.from({length: count}, (_, row): InputRow => {
    const id = first + row;
    return {id, k: id % keys, v: (id * 31) % 101, at: START + row * stepMillis};
  });
  const yaml =
    `${uid}: {connector: generator, rows: ${count}, splits: ${splits}, rate-limit: ${rateOf(draw, count)}, watermark: {column: at}, ` +
    `fields: {id: {kind: sequence, start: ${first}}, at: {kind: timestamp, start: "${new Date(START).toISOString()}", step: ${stepMillis} ms}}}`;
  return {uid, kind: 'generator', keys, rows, splits, files: [], yaml};
}

function files(draw: Draw, index: number): SourceModel {
  const uid = `read-${index}`;
  const stepMillis = draw.integer(5, 200);
  const keys = keysOf(stepMillis);
  let made = 0;
  const models = Array.from({length: draw.integer(1, 4)}, (_, file): FileModel => {
    const count = draw.chance(0.1) ? 0 : draw.integer(1, 60);
    const rows = Array.from({length: count}, (): InputRow => {
      const at = START + made * stepMillis - draw.integer(0, DISORDER_MILLIS);
      made += 1;
      const k = draw.chance(0.05) ? null : draw.integer(0, keys - 1);
      return {id: index * 1_000_000 + made, k, v: draw.integer(0, 100), at};
    });
    const lines = rows.map(
      (row) => `${JSON.stringify({...row, at: new Date(row.at).toISOString()})}\n`,
    );
    let end = 0;
    const ends = lines.map((line) => (end += line.length));
    return {path: `in/${uid}-${file}.ndjson`, text: lines.join(''), rows, ends};
  });
  const yaml =
    `${uid}: {connector: file, path: in/${uid}-*.ndjson, format: json, ordered: ${draw.chance(0.5)}, rate-limit: ${rateOf(draw, made)}, ` +
    `schema: {id: bigint, k: int, v: int, at: timestamp}, watermark: {column: at, max-out-of-orderness: ${DISORDER_MILLIS + stepMillis} ms}}`;
  const rows = models.flatMap((model) => model.rows);
  return {uid, kind: 'file', keys, rows, splits: 0, files: models, yaml};
}

function keysOf(drawn: number): number {
  return drawn % 2 === 1 ? MANY_KEYS : FEW_KEYS;
}

/** Rows per second, so that the whole source takes between a tenth of a second and a little more than one. */
function rateOf(draw: Draw, count: number): number {
  return Math.max(10, Math.ceil(count / draw.logarithmic(0.1, 1.2)));
}

/**
 * Jobs with many keys. Chains are short, so that a few checkpoints go through all that one can come to. Not drawn: a
 * question of its own would change the meaning of every seed.
 */
function incrementalOf(sources: readonly SourceModel[]): readonly string[] {
  const rows = sources.reduce((sum, source) => sum + source.rows.length, 0);
  const isWide = sources.some(({keys}) => keys === MANY_KEYS);
  return isWide ? ['incremental: true', `max-chain: ${1 + (rows % 3)}`] : [];
}

function checkpointing(
  draw: Draw,
  numRetained: number,
  mode: BarrierMode,
  incremental: readonly string[],
): string {
  const retention = draw.pick(['retain-on-cancellation', 'delete-on-cancellation']);
  const fields = [
    ...(draw.chance(0.9) ? [`interval: ${Math.ceil(draw.logarithmic(40, 600))} ms`] : []),
    ...pacing(draw, mode),
    ...barrierFields(draw, mode),
    `timeout: ${Math.ceil(draw.logarithmic(400, 4000))} ms`,
    `tolerable-failed-checkpoints: ${draw.integer(0, 3)}`,
    `num-retained: ${numRetained}`,
    `externalized-checkpoint-retention: ${retention}`,
    ...incremental,
    'dir: "file:./state"',
  ];
  return `{${fields.join(', ')}}`;
}

/** A pause and several at once contradict each other; unaligned ones come one at a time. */
function pacing(draw: Draw, mode: BarrierMode): readonly string[] {
  const mayOverlap = mode === 'aligned' || mode === 'at-least-once';
  if (mayOverlap && draw.chance(0.3)) return [`max-concurrent-checkpoints: ${draw.integer(2, 3)}`];
  return draw.chance(0.3) ? [`min-pause: ${draw.integer(1, 60)} ms`] : [];
}

function barrierFields(draw: Draw, mode: BarrierMode): readonly string[] {
  switch (mode) {
    case 'aligned':
      return [];
    case 'at-least-once':
      return ['mode: at-least-once'];
    case 'unaligned':
      return ['unaligned: {enabled: true}'];
    case 'timeout': {
      const millis = Math.ceil(draw.logarithmic(1, 200));
      return ['unaligned: {enabled: true}', `aligned-checkpoint-timeout: ${millis} ms`];
    }
  }
}

function restartStrategy(draw: Draw): string {
  const delay = `${draw.integer(1, 400)} ms`;
  return draw.pick([
    '{type: none}',
    `{type: fixed-delay, attempts: ${draw.integer(1, 5)}, delay: ${delay}}`,
    `{type: exponential-delay, initial-backoff: ${delay}, max-backoff: 2 s}`,
    `{type: failure-rate, max-failures-per-interval: 3, failure-rate-interval: 5 s, delay: ${delay}}`,
  ]);
}
