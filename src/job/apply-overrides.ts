// `-D flink.key=value`, `--parallelism` and `--set path=value`, put into the tree before it is read, so that
// they are checked like what stands in the file. In that order; the last of a kind wins.

import type {FindingList} from './finding.ts';
import {quoted} from './finding.ts';
import {flinkOption, suggestFlinkKey} from './flink-options.ts';
import {fromFlinkValue} from './flink/flink-value.ts';
import {didYouMean} from './closest.ts';
import {FORBIDDEN_KEYS, parseYaml} from './parse-yaml.ts';
import {scanYaml} from './scan-yaml.ts';
import {SourceText} from './source-text.ts';
import type {YamlList, YamlMap, YamlNode, YamlScalar} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';

export interface Overrides {
  /** `['execution.checkpointing.interval', '10s']` */
  readonly flink: readonly (readonly [key: string, value: string])[];
  /** `['steps.late.where', 'delay > 30']`: keys, list positions or ids, joined by dots. */
  readonly set: readonly (readonly [path: string, value: string])[];
  /** `--parallelism N`; absent: what the file says. */
  readonly parallelism?: number | undefined;
}

export function applyOverrides(
  root: YamlMap,
  overrides: Overrides,
  findings: FindingList,
): YamlMap {
  const before = findings.errorCount;
  refuseContradictions(overrides, findings);
  const changes = [
    ...overrides.flink.flatMap(([key, value]) => flinkChange(key, value, findings) ?? []),
    ...parallelismChange(overrides, findings),
    ...overrides.set.flatMap(([path, value]) => setChange(path, value, findings) ?? []),
  ];
  if (findings.errorCount > before) return root;
  // Another restart strategy begins with its defaults, so what else is said about it comes after.
  const isStrategy = (change: Change): boolean => change.path.join('.') === 'restart-strategy.type';
  const ordered = [
    ...changes.filter(isStrategy),
    ...changes.filter((change) => !isStrategy(change)),
  ];
  const map = ordered.reduce((tree, {path, value}) => put(tree, path, value, findings), root);
  refuseForeignStrategy(map, overrides, findings);
  return map;
}

interface Change {
  readonly path: readonly string[];
  readonly value: YamlNode;
}

/** Null: refused (reported), or what it says is so anyway. */
function flinkChange(key: string, value: string, findings: FindingList): Change | null {
  const place = {origin: new SourceText(value, `-D ${key}`), start: 0};
  const option = flinkOption(key);
  if (option === null) {
    const message = 'no option of Flink that a job here has';
    findings.error('flink-key-unknown', place, message, suggestFlinkKey(key));
    return null;
  }
  if (option.kind === 'refused') {
    if (option.holds?.includes(value.trim().toLowerCase()) === true) return null;
    findings.error('flink-key-refused', place, option.reason, option.instead);
    return null;
  }
  const spelled = fromFlinkValue(option.path, value);
  if (spelled.kind === 'refused') {
    const message = `${option.path.join('.')}: ${spelled.reason}`;
    findings.error('flink-value-refused', place, message, spelled.instead);
    return null;
  }
  const node = parseOverride(new SourceText(spelled.text, `-D ${key}`), findings);
  return node === null ? null : {path: option.path, value: node};
}

/** In Flink the younger name of a key wins silently; here one of two values would be ignored. */
function refuseContradictions({flink}: Overrides, findings: FindingList): void {
  const given = new Map<string, readonly [written: string, value: string]>();
  for (const [written, value] of flink) {
    const key = flinkOption(written)?.key;
    if (key === undefined) continue;
    const before = given.get(key);
    given.set(key, [written, value]);
    if (before === undefined || before[0] === written || before[1] === value) continue;
    findings.error(
      'flink-key-twice',
      {origin: new SourceText(value, `-D ${written}`), start: 0},
      `is another name of ${before[0]}, which has another value`,
      `give one of them, best ${key}`,
    );
  }
}

function parallelismChange({parallelism}: Overrides, findings: FindingList): readonly Change[] {
  if (parallelism === undefined) return [];
  const value = parseOverride(new SourceText(String(parallelism), '--parallelism'), findings);
  return value === null ? [] : [{path: ['parallelism'], value}];
}

function setChange(path: string, value: string, findings: FindingList): Change | null {
  const origin = new SourceText(value, `--set ${path}`);
  const parts = path.split('.');
  if (parts.includes('')) {
    const message = 'a path is keys joined by dots';
    findings.error('set-path', {origin, start: 0}, message, 'checkpointing.interval');
    return null;
  }
  const forbidden = parts.find((part) => FORBIDDEN_KEYS.has(part));
  if (forbidden !== undefined) {
    const message = `the key ${quoted(forbidden)} is refused`;
    findings.error('yaml-forbidden-key', {origin, start: 0}, message);
    return null;
  }
  const node = parseOverride(origin, findings);
  return node === null ? null : {path: parts, value: node};
}

/** A key of another strategy than the one that holds would do nothing. */
function refuseForeignStrategy(map: YamlMap, overrides: Overrides, findings: FindingList): void {
  const section = valueOf(map, 'restart-strategy');
  const node = section?.kind === 'map' ? valueOf(section, 'type') : null;
  const type = node?.kind === 'scalar' ? node.value : 'exponential-delay';
  for (const [key, value] of overrides.flink) {
    const option = flinkOption(key);
    const strategy = option?.kind === 'accepted' ? option.strategy : null;
    if (strategy === null || strategy === type) continue;
    findings.error(
      'flink-key-unused',
      {origin: new SourceText(value, `-D ${key}`), start: 0},
      `has no effect: the restart strategy is ${String(type)}`,
      `add -D restart-strategy.type=${strategy}`,
    );
  }
}

/** A list, a map or a quoted text is YAML; anything else is one plain scalar. Null: wrong (reported). */
function parseOverride(origin: SourceText, findings: FindingList): YamlNode | null {
  const place = {origin, start: 0};
  const {text} = origin;
  if (!text.isWellFormed() || /(?![\t\n])\p{Cc}/u.test(text)) {
    findings.error('value-invalid', place, 'the value holds a control character');
    return null;
  }
  const scalar: YamlScalar = {
    ...place,
    kind: 'scalar',
    value: text,
    style: 'plain',
    end: text.length,
    written: text,
    segments: null,
  };
  // Only a word can be a number, a boolean or null.
  const isYaml = /^[[{"']/.test(text) || /^[-+.\w~]{1,64}$/.test(text);
  if (!isYaml) return scalar;
  const before = findings.errorCount;
  const node = scanYaml(origin, findings) ? parseYaml(origin, findings) : null;
  if (findings.errorCount > before) return null;
  return node ?? scalar;
}

/** A copy of `map` in which `value` stands at `path`; maps on the way are made. */
function put(
  map: YamlMap,
  path: readonly string[],
  value: YamlNode,
  findings: FindingList,
): YamlMap {
  const base = path.join('.') === 'restart-strategy.type' ? withoutOtherStrategy(map, value) : map;
  const changed = putInto(base, path, value, findings);
  return changed?.kind === 'map' ? changed : map;
}

/** Another restart strategy leaves nothing of the one that stands in the file. */
function withoutOtherStrategy(map: YamlMap, type: YamlNode): YamlMap {
  const section = valueOf(map, 'restart-strategy');
  if (section?.kind !== 'map' || type.kind !== 'scalar') return map;
  const before = valueOf(section, 'type');
  if (before?.kind === 'scalar' && before.value === type.value) return map;
  const entries = map.entries.map((entry) =>
    entry.key === 'restart-strategy' ? {...entry, value: {...section, entries: []}} : entry,
  );
  return {...map, entries};
}

function putInto(
  node: YamlNode | null,
  path: readonly string[],
  value: YamlNode,
  findings: FindingList,
): YamlNode | null {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (node?.kind === 'list') return putIntoList(node, key, rest, value, findings);
  const map: YamlMap =
    node?.kind === 'map' ? node : {origin: value.origin, start: 0, kind: 'map', entries: []};
  const child = putInto(valueOf(map, key), rest, value, findings);
  if (child === null) return null;
  const index = map.entries.findIndex((entry) => entry.key === key);
  const keyPlace = map.entries[index]?.keyPlace ?? {origin: value.origin, start: 0};
  const entry = {key, keyPlace, value: child};
  const entries = index === -1 ? [...map.entries, entry] : map.entries.with(index, entry);
  return {...map, entries};
}

function putIntoList(
  list: YamlList,
  key: string,
  rest: readonly string[],
  value: YamlNode,
  findings: FindingList,
): YamlNode | null {
  const ids = list.items.map((item) => {
    const id = item.kind === 'map' ? valueOf(item, 'id') : null;
    return id?.kind === 'scalar' && typeof id.value === 'string' ? id.value : null;
  });
  const byId = ids.indexOf(key);
  const index = byId !== -1 || !/^\d{1,6}$/.test(key) ? byId : Number(key);
  const item = list.items[index];
  if (item === undefined) {
    findings.error(
      'set-path',
      {origin: value.origin, start: 0},
      `no item here has the id or position ${quoted(key)}`,
      didYouMean(
        key,
        ids.filter((id) => id !== null),
      ),
    );
    return null;
  }
  const child = putInto(item, rest, value, findings);
  return child === null ? null : {...list, items: list.items.with(index, child)};
}
