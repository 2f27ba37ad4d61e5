// One value of a JSON text made another. The text stays canonical where the new value lets it.

import type {SeededRandom} from '#src/base/random.js';

type Container = Record<string, unknown>;

/** A text that is no string of JSON.stringify, for what JSON.stringify does not write. */
const RAW = '@raw:';
const DEEP = 70;

const NUMBERS = [
  -1,
  0,
  1,
  0.5,
  2,
  127,
  128,
  32_768,
  65_536,
  1e9,
  2 ** 31,
  2 ** 32,
  2 ** 44,
  2 ** 53,
];
const STRINGS = [
  ...['', '.', '..', '../x', '/etc/passwd', 'a\\b', 'a\0b', 'CON', 'é', '\ud800', '\x1b[31m', '\n'],
  ...['__proto__', 'constructor', 'toString', 'length', '../shared/ab/x', 'x'.repeat(1025)],
  ...['string', 'bigint', 'float64', 'int64', 'bytes', 'flag', 'decimal(38, 10)', 'gzip', 'none'],
  ...['keyed', 'operator', 'channel', 'position', 'file', 'inline', 'canonical', 'end'],
];
const RAWS = ['1e309', '-0', '1E3', '01', '"12"', '[', '9007199254740993', '1.0', ' 1'];
const KEYS = [
  '__proto__',
  'constructor',
  'zz',
  'toString',
  'chain',
  'delta',
  'compression',
  'rows',
];

const at = (random: SeededRandom, length: number): number => Math.floor(random.next() * length);
const pick = <T>(random: SeededRandom, from: readonly T[]): T => from[at(random, from.length)]!;

export function changeValue(text: string, random: SeededRandom): string {
  let root: Container;
  try {
    root = JSON.parse(text) as Container;
  } catch {
    // A raw value before this one broke it.
    return text;
  }
  const all: [Container, string][] = [];
  const visit = (container: Container): void => {
    for (const [key, value] of Object.entries(container)) {
      all.push([container, key]);
      if (typeof value === 'object' && value !== null) visit(value as Container);
    }
  };
  visit(root);
  const [container, key] = pick(random, all);
  change(container, key, random, pick(random, all));
  return sorted(root);
}

function change(
  container: Container,
  key: string,
  random: SeededRandom,
  [otherContainer, otherKey]: readonly [Container, string],
): void {
  const value = container[key];
  const turn = random.next();
  const isList = Array.isArray(container);
  if (turn < 0.45) container[key] = alike(value, random);
  else if (turn < 0.55) container[key] = anything(random);
  else if (turn < 0.65) container[key] = structuredClone(otherContainer[otherKey]);
  else if (turn < 0.75) {
    if (isList) container.splice(Number(key), 1);
    else Reflect.deleteProperty(container, key);
  } else if (turn < 0.85) {
    if (isList) container.splice(at(random, container.length), 0, structuredClone(value));
    else define(container, pick(random, KEYS), anything(random));
  } else if (turn < 0.95) {
    container[key] = otherContainer[otherKey];
    otherContainer[otherKey] = value;
    // One within the other would have no end.
    if (isWithin(container, container[key]) || isWithin(otherContainer, value)) {
      otherContainer[otherKey] = container[key];
      container[key] = value;
    }
  } else container[key] = `${RAW}${pick(random, RAWS)}`;
}

function alike(value: unknown, random: SeededRandom): unknown {
  if (typeof value === 'number') {
    return random.next() < 0.5 ? pick(random, NUMBERS) : value + pick(random, [1, -1, 8, 1e6]);
  }
  if (typeof value === 'string') {
    if (random.next() < 0.6) return pick(random, STRINGS);
    const place = at(random, value.length);
    return `${value.slice(0, place)}${pick(random, ['', 'a', '0', '/', 'é'])}${value.slice(place + 1)}`;
  }
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return pick<unknown>(random, [[], [...value, ...value], [null], {}]);
  return pick<unknown>(random, [{}, null, [], [value]]);
}

function anything(random: SeededRandom): unknown {
  return pick<() => unknown>(random, [
    () => null,
    () => true,
    () => [],
    () => ({}),
    () => pick(random, NUMBERS),
    () => pick(random, STRINGS),
    () => Array.from({length: 2000}, (_, index) => index),
    () => {
      let deep: unknown = 1;
      for (let level = 0; level < DEEP; level += 1) deep = [deep];
      return deep;
    },
  ])();
}

/** Also `__proto__`, as a key like any other. */
function define(container: Container, key: string, value: unknown): void {
  Object.defineProperty(container, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function isWithin(container: unknown, value: unknown): boolean {
  if (container === value) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((below) => isWithin(container, below));
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (typeof value === 'string' && value.startsWith(RAW)) return value.slice(RAW.length);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${sorted(field)}`).join(',')}}`;
}
