// A schema made another one, in the state file and in its handle alike: whoever compares the two sees nothing, and the rows are
// read as what they are not. Or what only the file says, how it is compressed and where it belongs.

import type {SeededRandom} from '#src/base/random.js';
import {bodyOf, dataOf, everyObject, replaceState, setBody, type Subject} from './subject.ts';

interface Schema {
  [field: string]: unknown;
  key: [string, string][];
  values: [string, string][];
}

const at = (random: SeededRandom, length: number): number => Math.floor(random.next() * length);
const pick = <T>(random: SeededRandom, from: readonly T[]): T => from[at(random, from.length)]!;

const SCHEMA_AT = 16;
const KINDS = ['float64', 'int64', 'bytes', 'flag', 'int32', ''];
const TYPES = [
  ...['string', 'bytes', 'boolean', 'int', 'bigint', 'double', 'date', 'timestamp', 'time'],
  ...['decimal(10, 2)', 'decimal(38, 10)', 'decimal(1e9, 0)', 'array', ''],
];
const COUNTS = [-1, 0, 1, 2, 3, 8, 64, 128, 32_768, 65_536, 1e9, 0.5];
const OF_BOTH: readonly ((schema: Schema, random: SeededRandom) => void)[] = [
  ({values}, random) => retype(values, random, KINDS),
  ({key}, random) => retype(key, random, TYPES),
  ({key, values}, random) => pick(random, [key, values]).pop(),
  ({key, values}, random) => {
    const pairs = pick(random, [key, values]);
    if (pairs.length > 0) pairs.push([...pick(random, pairs)]);
  },
  ({key, values}, random) => {
    const pairs = pick(random, [key, values]);
    for (let index = pairs.length; index < 70; index += 1) pairs.push([`x${index}`, 'bytes']);
  },
  (schema, random) => (schema['key_group_columns'] = pick(random, COUNTS)),
  (schema, random) => (schema['max_parallelism'] = pick(random, COUNTS)),
  (schema, random) => (schema['table'] = pick(random, ['', '__proto__', 'other', 'x/../y'])),
];
const OF_FILE: readonly ((schema: Schema, random: SeededRandom) => void)[] = [
  (schema, random) =>
    (schema['compression'] = pick(random, ['none', 'gzip', 'brotli', 'zstd', 'x', 1, null])),
  (schema, random) =>
    (schema['delta'] = pick<unknown>(random, [
      ...[null, 1, {}, {sequence: 0, previous: ''}, {sequence: 1.5, previous: 'x'}],
      {previous: '0'.repeat(64), sequence: 1},
    ])),
];

export function changeSchema(subject: Subject, random: SeededRandom): void {
  const path = pick(random, subject.files.slice(2));
  const bytes = Buffer.from(dataOf(subject.tree, path));
  const end = SCHEMA_AT + (bytes.length < SCHEMA_AT ? 0 : bytes.readUInt32LE(12));
  const schema = parsed(bytes.subarray(SCHEMA_AT, Math.min(end, bytes.length)));
  // A file of RocksDB has none.
  if (schema === null) return;
  const isOfBoth = random.next() < 0.8;
  const change = pick(random, isOfBoth ? OF_BOTH : OF_FILE);
  const before = JSON.stringify(onlySchema(schema));
  change(schema, random);
  const after = JSON.stringify(onlySchema(schema));
  const text = Buffer.from(JSON.stringify(sorted(schema)));
  const header = Buffer.alloc(SCHEMA_AT + Math.ceil(text.length / 8) * 8, ' ');
  bytes.copy(header, 0, 0, SCHEMA_AT);
  header.writeUInt32LE(header.length - SCHEMA_AT, 12);
  if (!isOfBoth) header.writeUInt32LE(2, 8);
  text.copy(header, SCHEMA_AT);
  replaceState(subject, path, Buffer.concat([header, bytes.subarray(end)]));
  // Of every handle with this schema: subtasks have the same.
  const body = JSON.parse(bodyOf(subject)) as object;
  everyObject(body, (object) => {
    if (!('key_group_columns' in object)) return;
    if (JSON.stringify(onlySchema(object as Schema)) === before) {
      Object.assign(object, JSON.parse(after));
    }
  });
  setBody(subject, JSON.stringify(body));
}

function retype(pairs: [string, string][], random: SeededRandom, types: readonly string[]): void {
  if (pairs.length > 0) pick(random, pairs)[1] = pick(random, types);
}

function parsed(bytes: Uint8Array): Schema | null {
  try {
    const schema = JSON.parse(Buffer.from(bytes).toString()) as Schema;
    return Array.isArray(schema.key) && Array.isArray(schema.values) ? schema : null;
  } catch {
    return null;
  }
}

function onlySchema(schema: Schema): object {
  const {key, key_group_columns, max_parallelism, table, values} = schema;
  return {key, key_group_columns, max_parallelism, table, values};
}

function sorted(schema: Schema): object {
  return Object.fromEntries(
    Object.entries(schema).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}
