// How fast JSON lines become columns and columns become JSON lines, against JSON.parse and
// JSON.stringify of the same records, interleaved in one process. `node test/bench/decode.js [rows] [rounds]`
import {ByteBuffer} from '../../dist/src/formats/byte-buffer.js';
import {jsonEncoder} from '../../dist/src/formats/json-encoder.js';
import {jsonDecoder} from '../../dist/src/formats/json-decoder.js';

const rows = Number(process.argv[2] ?? 3_000_000);
const rounds = Number(process.argv[3] ?? 5);
const STRING = {kind: 'string'};
const columns = [
  {name: 'user', type: STRING, path: ['user'], timeFormat: null},
  {name: 'type', type: STRING, path: ['type'], timeFormat: null},
  {name: 'amount', type: {kind: 'double'}, path: ['amount'], timeFormat: null},
  {name: 'ts', type: {kind: 'timestamp'}, path: ['ts'], timeFormat: {kind: 'epoch-millis'}},
  {name: 'url', type: STRING, path: ['url'], timeFormat: null},
];

/** A seeded generator of 32 bits, so that each run has the same records. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

function makeInput() {
  const random = randomFrom(7);
  const types = ['view', 'click', 'buy'];
  const target = Buffer.allocUnsafe(rows * 96 + 64);
  let length = 0;
  for (let row = 0; row < rows; row += 1) {
    const user = Math.floor((random() / 2 ** 32) * 100_000);
    const amount = Math.floor((random() / 2 ** 32) * 100_000) / 100;
    const record = {
      user: `u${user}`,
      type: types[random() >>> 30] ?? 'view',
      amount,
      ts: 1_700_000_000_000 + row,
      url: `/p/${(random() >>> 16) % 1000}`,
    };
    length += target.write(`${JSON.stringify(record)}\n`, length, 'latin1');
  }
  return {bytes: new Uint8Array(target.buffer, target.byteOffset, target.length), length};
}

const input = makeInput();

/** JSON.parse of every line, and the sum of one field as a check. */
function parseAll() {
  const buffer = Buffer.from(input.bytes.buffer, input.bytes.byteOffset, input.length);
  let sum = 0;
  let at = 0;
  while (at < input.length) {
    const end = buffer.indexOf(10, at);
    sum += JSON.parse(buffer.latin1Slice(at, end)).amount;
    at = end + 1;
  }
  return sum;
}

function decodeAll(wanted, each = () => {}) {
  const decoder = jsonDecoder({wanted});
  const amount = wanted.findIndex((column) => column.name === 'amount');
  let sum = 0;
  let at = 0;
  while (at < input.length) {
    const decoded = decoder.decode(input.bytes, at, input.length, true, 4096);
    if (decoded.badRecords.length > 0) throw new Error(decoded.badRecords[0].reason);
    const {values} = decoded.columns[amount];
    for (let row = 0; row < decoded.rowCount; row += 1) sum += values[row];
    at = decoded.nextOffset;
    each(decoder.schema, decoded);
  }
  return sum;
}

/** Both ways, row by row as JSON does it and batch by batch; returns the bytes written. */
function parseAndStringify() {
  const buffer = Buffer.from(input.bytes.buffer, input.bytes.byteOffset, input.length);
  let written = 0;
  for (let at = 0; at < input.length;) {
    const end = buffer.indexOf(10, at);
    written += JSON.stringify(JSON.parse(buffer.latin1Slice(at, end))).length + 1;
    at = end + 1;
  }
  return written;
}

const asWritten = columns.map((column) =>
  column.name === 'ts' ? {...column, type: {kind: 'bigint'}, timeFormat: null} : column,
);

function decodeAndEncode() {
  const target = new ByteBuffer(1 << 20);
  let encoder = null;
  let written = 0;
  decodeAll(asWritten, (schema, decoded) => {
    encoder ??= jsonEncoder(schema);
    target.clear();
    encoder.encode(
      {schema, columns: decoded.columns, selection: null, selectedCount: decoded.rowCount},
      target,
    );
    written += target.length;
  });
  return written;
}

/** JSON.stringify of objects that are there, against encoding columns that are there. */
const sample = (() => {
  const decoder = jsonDecoder({wanted: asWritten});
  const end = Math.min(input.length, 81 * 4096);
  const decoded = decoder.decode(input.bytes, 0, end, false, 4096);
  const buffer = Buffer.from(input.bytes.buffer, input.bytes.byteOffset, decoded.nextOffset);
  const objects = buffer
    .toString('latin1')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return {schema: decoder.schema, decoded, objects};
})();

function stringifyAll() {
  let written = 0;
  for (let row = 0; row < rows; row += 1) {
    written += JSON.stringify(sample.objects[row % sample.objects.length]).length + 1;
  }
  return written;
}

function encodeAll() {
  const encoder = jsonEncoder(sample.schema);
  const target = new ByteBuffer(1 << 20);
  const {columns, rowCount} = sample.decoded;
  let written = 0;
  for (let row = 0; row < rows; row += rowCount) {
    target.clear();
    const selectedCount = Math.min(rowCount, rows - row);
    encoder.encode({schema: sample.schema, columns, selection: null, selectedCount}, target);
    written += target.length;
  }
  return written;
}

/** Each base with its candidates; all of a group return the same number. */
const groups = [
  {
    'JSON.parse': parseAll,
    'decode 2 of 5': () => decodeAll([columns[0], columns[2]]),
    'decode 5 of 5': () => decodeAll(columns),
  },
  {'JSON.stringify': stringifyAll, 'encode 5 columns': encodeAll},
  {'parse + stringify': parseAndStringify, 'decode + encode': decodeAndEncode},
];
const sorted = (list) => [...list].sort((a, b) => a - b);
const shown = (list) => {
  const all = sorted(list);
  return [all[0], all[all.length >> 1], all.at(-1)].map((value) => value.toFixed(2)).join(' / ');
};

const rates = new Map();
const ratios = new Map();
for (let round = 0; round < rounds; round += 1) {
  for (const group of groups) {
    const results = new Set();
    let base = null;
    for (const [key, run] of Object.entries(group)) {
      const begin = process.hrtime.bigint();
      results.add(run());
      const rate = rows / (Number(process.hrtime.bigint() - begin) / 1e9) / 1e6;
      base ??= rate;
      rates.set(key, [...(rates.get(key) ?? []), rate]);
      ratios.set(key, [...(ratios.get(key) ?? []), rate / base]);
    }
    if (results.size !== 1) throw new Error(`different results: ${[...results].join(', ')}`);
  }
}
console.log(`${rows} rows, ${rounds} rounds: minimum / median / maximum`);
for (const [key, list] of rates) {
  console.log(`${key.padEnd(20)} M rows/s ${shown(list)}   ratio ${shown(ratios.get(key))}`);
}
