// The group-by kernel by itself: 100 k string keys, COUNT(*) and SUM(double), from prepared batches.
//   node test/bench/state-group-by.js [records, default 10000000] [rounds, default 5] [ttl in ms, default none]
import {systemClock} from '../../dist/src/base/clock.js';
import {readStateTtl} from '../../dist/src/job/state-ttl.js';
import {aggregate} from '../../dist/src/operators/aggregate.js';
import {JobMetrics} from '../../dist/src/metrics/job-metrics.js';
import {HashmapBackend} from '../../dist/src/state/hashmap/hashmap-backend.js';

const RECORDS = Number(process.argv[2] ?? 10_000_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const TTL_MILLIS = Number(process.argv[4] ?? 0);
const [KEYS, BATCH, BATCHES] = [100_000, 4000, 100];

const schema = {
  fields: [
    {name: 'user', type: {kind: 'string'}},
    {name: 'amount', type: {kind: 'double'}},
  ],
};
let seed = 1;
function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 0) / 4294967296;
}

/** As a decoder leaves it: strings point into the block that was read. */
function makeBatch() {
  const bytes = new Uint8Array(BATCH * 16);
  const [starts, ends] = [new Int32Array(BATCH), new Int32Array(BATCH)];
  const values = new Float64Array(BATCH);
  for (let row = 0, at = 0; row < BATCH; row += 1) {
    const text = Buffer.from(`u${Math.floor(random() * KEYS)}`);
    bytes.set(text, at);
    starts[row] = at;
    ends[row] = at + text.length;
    at += text.length + 3;
    values[row] = Math.floor(random() * 100) / 4;
  }
  const columns = [
    {layout: 'bytes', bytes, starts, ends, nulls: null},
    {layout: 'float64', values, nulls: null},
  ];
  return {
    schema,
    rowCount: BATCH,
    columns,
    selection: null,
    selectedCount: BATCH,
    watermarks: null,
    origin: null,
  };
}

const keyGroups = {start: 0, end: 127};
const options = {
  'group-by': ['user'],
  select: [
    ['n', 'COUNT(*)'],
    ['total', 'SUM(amount)'],
  ],
  emit: 'at-end',
  ttl: TTL_MILLIS > 0 ? readStateTtl(TTL_MILLIS).ttl : undefined,
};
let emitted = 0;
const operator = aggregate.create({
  context: {
    uid: 'bench',
    subtask: 0,
    parallelism: 1,
    maxParallelism: 128,
    keyGroups,
    output: {
      emit: (batch) => {
        for (let row = 0; row < batch.rowCount; row += 1) emitted += batch.columns[1].values[row];
      },
    },
    state: new HashmapBackend({
      uid: 'bench',
      subtask: 0,
      maxParallelism: 128,
      keyGroups,
      restored: [],
      compression: 'none',
      incremental: null,
    }),
    metrics: new JobMetrics(),
    clock: systemClock,
    restored: [],
    restoredDirectory: null,
  },
  options,
  inputs: [schema],
  schema: {
    fields: [
      {name: 'user', type: {kind: 'string'}},
      {name: 'n', type: {kind: 'bigint'}},
      {name: 'total', type: {kind: 'double'}},
    ],
  },
});
await operator.open();
const batches = Array.from({length: BATCHES}, makeBatch);
let records = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  const before = process.cpuUsage();
  const started = performance.now();
  for (let done = 0, at = 0; done < RECORDS; done += BATCH, at += 1) {
    operator.process(batches[at % BATCHES], 0);
    records += BATCH;
  }
  const millis = performance.now() - started;
  const {user, system} = process.cpuUsage(before);
  console.log(
    `group by ${KEYS} string keys: ${(RECORDS / millis / 1000).toFixed(2)} M records/s, ` +
      `${(RECORDS / (user + system)).toFixed(2)} M per CPU second`,
  );
}
operator.endInput();
if (emitted !== records) throw new Error(`${emitted} records counted of ${records}`);
