// The job of which every kind of checkpoint is kept, its input, and what it must give: plain loops over the input.

import {JOB_FILE, ROOT, type Files} from './machine.ts';

const START = Date.UTC(2026, 0, 1);
const FILES = 3;
const ROWS = 90;
const TICKS = 60;
const WINDOW_MILLIS = 10_000;
const SENSORS = ['a', 'b', 'twelve bytes', 'a sensor whose name is long', 'ü', null] as const;

export const JOB_NAME = 'kept';
export const JOB_DIRECTORY = `${ROOT}/state/${JOB_NAME}`;
export const SINKS = ['windows', 'running', 'totals', 'ticks'] as const;
export type Sink = (typeof SINKS)[number];

interface Reading {
  readonly id: number;
  readonly sensor: string | null;
  readonly value: number;
  readonly big: bigint;
  readonly at: number;
}

const READINGS = Array.from({length: ROWS}, (_, id): Reading => ({
  id,
  sensor: SENSORS[(id * 7) % SENSORS.length]!,
  value: ((id * 13) % 40) / 4,
  // The sum of a sensor's first few needs more than 53 bits, that of the last fits again.
  big: id < 60 ? 2n ** 53n + BigInt(id) : -(2n ** 54n),
  at: START + id * 700,
}));

export interface JobOptions {
  readonly unaligned?: boolean;
  /** Further fields of `checkpointing`. */
  readonly more?: readonly string[];
  readonly backend?: 'hashmap' | 'rocksdb';
}

export function jobText({unaligned = false, more = [], backend}: JobOptions): string {
  return `name: ${JOB_NAME}
max-parallelism: 16
sources:
  readings:
    connector: file
    path: in/*.ndjson
    format: json
    rate-limit: 200
    schema: {id: bigint, sensor: string, value: double, big: bigint, at: timestamp}
    watermark: {column: at, max-out-of-orderness: 1 s}
  made: {connector: generator, rows: ${TICKS}, splits: 4, rate-limit: 150, fields: {id: {kind: sequence}}}
steps:
  - {id: windows, type: aggregate, input: readings, group-by: [sensor], window: {tumbling: ${WINDOW_MILLIS} ms, allowed-lateness: 1 s}, select: {start: window_start, n: COUNT(*), mean: AVG(value)}}
  - {id: running, type: aggregate, input: readings, group-by: [sensor], emit: on-checkpoint, ttl: 9999 d, select: {n: COUNT(*), big: SUM(big), first: FIRST_VALUE(sensor)}}
  - {id: totals, type: aggregate, input: readings, group-by: [sensor], select: {n: COUNT(*), worst: MAX(value), high: COUNT(*) FILTER (WHERE value > 5)}}
sinks:
  windows-out: {connector: file, input: windows, path: out/windows/, format: json}
  running-out: {connector: file, input: running, path: out/running/, format: json}
  totals-out: {connector: file, input: totals, path: out/totals/, format: json}
  ticks-out: {connector: file, input: made, path: out/ticks/, format: json}
checkpointing:
  interval: 60 ms
  num-retained: 1
  unaligned: {enabled: ${String(unaligned)}}
${more.map((field) => `  ${field}\n`).join('')}  dir: "file:./state"
  savepoint-dir: "file:./savepoints"
${backend === undefined ? '' : `state: {backend: ${backend}}\n`}`;
}

export function inputFiles(options: JobOptions): Files {
  const files = new Map<string, Uint8Array>([
    [JOB_FILE.slice(ROOT.length + 1), Buffer.from(jobText(options))],
  ]);
  for (let file = 0; file < FILES; file += 1) {
    const lines = READINGS.filter(({id}) => id % FILES === file).map(
      ({id, sensor, value, big, at}) =>
        `{"id":${id},"sensor":${JSON.stringify(sensor)},"value":${value},"big":${big},"at":"${new Date(at).toISOString()}"}\n`,
    );
    files.set(`in/${file}.ndjson`, Buffer.from(lines.join('')));
  }
  return files;
}

/** Rows as text, sorted; of `running` the newest of each sensor. */
export type OutputText = Readonly<Record<Sink, readonly string[]>>;

export function expectedOutput(): OutputText {
  const bySensor = SENSORS.map((sensor) => READINGS.filter((it) => it.sensor === sensor));
  const text = (fields: Readonly<Record<string, unknown>>): string =>
    `{${Object.entries(fields)
      .map(
        ([name, value]) => `"${name}":${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
      )
      .join(',')}}`;
  const windows = bySensor.flatMap((readings) => {
    const starts = new Set(readings.map(({at}) => Math.floor(at / WINDOW_MILLIS) * WINDOW_MILLIS));
    return [...starts].map((start) => {
      const inside = readings.filter(({at}) => at >= start && at < start + WINDOW_MILLIS);
      const sum = inside.reduce((all, {value}) => all + value, 0);
      const mean = sum / inside.length;
      const {sensor} = inside[0]!;
      const time = new Date(start).toISOString().replace('.000Z', 'Z');
      return text({sensor, start: time, n: inside.length, mean});
    });
  });
  const running = bySensor.map((readings) => {
    const {sensor} = readings[0]!;
    const big = readings.reduce((all, reading) => all + reading.big, 0n);
    return text({sensor, n: readings.length, big, first: sensor});
  });
  const totals = bySensor.map((readings) => {
    const values = readings.map(({value}) => value);
    const high = values.filter((value) => value > 5).length;
    return text({sensor: readings[0]!.sensor, n: values.length, worst: Math.max(...values), high});
  });
  const ticks = Array.from({length: TICKS}, (_, id) => text({id}));
  return {
    windows: windows.sort(),
    running: running.sort(),
    totals: totals.sort(),
    ticks: ticks.sort(),
  };
}

/** What readers of the output see. */
export function visibleOutput(files: Files): OutputText {
  const of = (sink: Sink): string[] =>
    [...files]
      .filter(([path]) => path.startsWith(`out/${sink}/`) && !path.includes('/.'))
      .flatMap(([, bytes]) => Buffer.from(bytes).toString('utf8').split('\n'))
      .filter((line) => line !== '')
      .sort();
  const newest = new Map<unknown, {n: number; line: string}>();
  for (const line of of('running')) {
    const {sensor, n} = JSON.parse(line) as {sensor: unknown; n: number};
    if (n > (newest.get(sensor)?.n ?? 0)) newest.set(sensor, {n, line});
  }
  const running = [...newest.values()].map(({line}) => line).sort();
  return {windows: of('windows'), running, totals: of('totals'), ticks: of('ticks')};
}
