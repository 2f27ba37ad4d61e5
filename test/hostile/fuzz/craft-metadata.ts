// A `_metadata` of somebody who knows where the guards are: what changing values at random reaches once in ten thousand times or
// never.

import {sha256Hex} from '#src/base/checksum.js';
import type {SeededRandom} from '#src/base/random.js';
import {bodyOf, everyObject, setBody, setData, type Subject} from './subject.ts';

interface State {
  [field: string]: unknown;
  location: string;
  path: string;
  description: Record<string, unknown>;
}
interface Body {
  [field: string]: unknown;
  operators: {subtasks: {states: State[]}[]}[];
}

const at = (random: SeededRandom, length: number): number => Math.floor(random.next() * length);
const pick = <T>(random: SeededRandom, from: readonly T[]): T => from[at(random, from.length)]!;

const PATHS = [
  ...[
    '',
    '/a',
    '/etc/passwd',
    'a\0b',
    'a\\b',
    'C:x',
    'c:/x',
    '../x',
    'x/../y',
    './x',
    'a//b',
    'a/',
  ],
  ...['CON', 'a/nul.txt', 'x.', '-x', '.x', 'é', 'e\u0301', 'a b', 'a/b/c/d/e', 'x'.repeat(513)],
  ...[
    `${'x'.repeat(129)}/a`,
    '_METADATA',
    '_metadata',
    'sha256sums',
    'SHA256SUMS',
    '../shared/ab/x',
  ],
  ...[`../shared/00/${'0'.repeat(64)}`, `../shared/../${'0'.repeat(64)}`, '../chk-1/_metadata'],
];

type Craft = (body: Body, file: State, random: SeededRandom) => void;

const CRAFTS: readonly Craft[] = [
  (_body, file, random) => (file.path = pick(random, PATHS)),
  // One file twice: as the same, of another digest or length, in other letters.
  (body, file, random) => {
    const {states} = pick(random, pick(random, body.operators).subtasks);
    const other = pick<Partial<State>>(random, [
      ...[{}, {sha256: '0'.repeat(64)}, {length: 1, chunk_crcs: [1]}, {chunk_crcs: [1]}],
      ...[{path: file.path.toUpperCase()}, {name: 'other'}, {key_groups: null}, {kind: 'channel'}],
    ]);
    states.push({...structuredClone(file), ...other});
  },
  (body) => (body['kind'] = body['kind'] === 'savepoint' ? 'checkpoint' : 'savepoint'),
  (body, _file, random) =>
    (body['savepoint_target'] = pick<unknown>(random, [
      ...[
        {path: 'x', format: 'canonical'},
        {path: 1, format: 'native'},
        {path: '/x', format: 'x'},
      ],
      ...[null, 'x', {}, {path: '/x', format: 'native'}],
    ])),
  // A place in a chain: away, another, of another chain.
  (body, file, random) => {
    const chained = filesOf(body).filter(({description}) => description['chain'] !== undefined);
    const one = chained.length === 0 ? file : pick(random, chained);
    const {chain} = one.description;
    const value = pick<unknown>(random, [undefined, null, {}, 1, {...(chain as object), files: 3}]);
    if (value === undefined) Reflect.deleteProperty(one.description, 'chain');
    else one.description['chain'] = value;
  },
  // A file is named no more.
  (body, file) => eachStates(body, (states) => states.filter((state) => state !== file)),
  (body, file, random) => {
    const current = filesOf(body).find(({description}) => description['file'] === 'CURRENT');
    const one = current ?? file;
    const change = pick<Partial<State>>(random, [
      ...[{key_groups: null}, {codec_version: 2}, {description: {}}, {kind: 'operator'}],
      {description: {...one.description, file: 'OPTIONS-000011'}},
      {description: {...one.description, families: ['x'.repeat(200)]}},
      {description: {...one.description, tables: [{}]}},
      {description: {...one.description, file: '../../x'}},
    ]);
    Object.assign(one, change);
  },
  // In flight: a section that leads out of its file, or overlaps, or is of nobody.
  (body, _file, random) => {
    const sections: Record<string, unknown>[] = [];
    everyObject(body, (object) => {
      if ('offset' in object && 'side' in object) sections.push(object);
    });
    if (sections.length === 0) return;
    const field = pick(random, ['offset', 'length', 'from', 'to', 'messages', 'schema', 'side']);
    pick(random, sections)[field] = pick<unknown>(random, [
      0,
      1,
      4,
      1e9,
      2 ** 52,
      null,
      [],
      'output',
    ]);
  },
  (body, _file, random) => {
    const list = pick(random, ['required_features', 'ancestors', 'operators']);
    body[list] = Array.from({length: pick(random, [101, 10_001])}, () =>
      pick<unknown>(random, ['shared-files', {lineage: '0'.repeat(16), checkpoint_id: 1}]),
    );
  },
];

export function craft(subject: Subject, random: SeededRandom): void {
  const text = bodyOf(subject);
  const turn = random.next();
  // Bytes below a seal that holds: no text, no end of the line, nothing.
  if (turn < 0.1) {
    const bytes = Buffer.from(`${text.slice(1)}\n`);
    const place = at(random, bytes.length);
    const changed = pick(random, [
      Buffer.concat([bytes.subarray(0, place), Buffer.of(0xff), bytes.subarray(place)]),
      bytes.subarray(0, -1),
      bytes.subarray(0, place),
      Buffer.from('\n'),
      Buffer.alloc(0),
    ]);
    setData(subject.tree, subject.files[0]!, sealBytes(changed));
    return;
  }
  const body = JSON.parse(text) as Body;
  const files = filesOf(body);
  pick(random, CRAFTS)(body, pick(random, files), random);
  setBody(subject, JSON.stringify(sortedKeys(body)));
}

function sealBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`{"_sha256":"${sha256Hex(bytes)}",`), bytes]);
}

function filesOf({operators}: Body): State[] {
  return operators.flatMap(({subtasks}) =>
    subtasks.flatMap(({states}) => states.filter(({location}) => location === 'file')),
  );
}

function eachStates({operators}: Body, change: (states: State[]) => State[]): void {
  for (const {subtasks} of operators) {
    for (const subtask of subtasks) subtask.states = change(subtask.states);
  }
}

/** Canonical, so that what is looked at is what was made. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(fields.map(([key, below]) => [key, sortedKeys(below)]));
}
