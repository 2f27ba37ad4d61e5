// What state says of itself, and whether a new version of its operator may take it over: JOB.md
// "Changing a job between runs". A stateful operator describes itself in facets (see `Facets`); it puts
// that description into each snapshot as the inline state `compatibility`, and gives it for the new job.

import type {JsonValue} from '../base/json.ts';
import type {InlineState, OperatorMetadata} from '../checkpoint/checkpoint-metadata.ts';

/** Name of the inline state that carries the description. */
export const COMPATIBILITY_STATE = 'compatibility';

/**
 * The facets with rules of their own; any other facet must stay equal. By value:
 * - `key`: `[[name, type], …]`, ordered: key columns and their types may not change
 * - `window`: null or how rows are cut into windows: may not change
 * - `aggregates`: `{name: {kind, type}}`: may be added; removed ones are state that is dropped; the
 *   kind stays, the type may widen
 * - `columns`: `{name: type}` of stored values: as aggregates, without a kind
 * - `ttl`: there when state expires, and rows say when they were written: may not come or go, as in Flink
 */
export type Facets = Readonly<Record<string, JsonValue>>;

export interface Comparison {
  /** Why the state cannot be taken over. */
  readonly refused: readonly string[];
  /** State that nobody takes over; allowed with `-n`. */
  readonly dropped: readonly string[];
  /** What happens without being asked: added, widened. */
  readonly notes: readonly string[];
}

type Comparer = (facet: string, stored: JsonValue, wanted: JsonValue) => Comparison;

const COMPARERS: Readonly<Record<string, Comparer>> = {
  key: compareKey,
  window: compareExactly,
  aggregates: compareMembers,
  columns: compareMembers,
  ttl: compareTtl,
};

/** As a snapshot carries it. */
export function compatibilityState(facets: Facets): InlineState {
  return {
    location: 'inline',
    name: COMPATIBILITY_STATE,
    kind: 'operator',
    codecVersion: 1,
    value: facets,
  };
}

/** The facets stored with an operator; null: its state does not describe itself. */
export function storedFacets({subtasks}: OperatorMetadata): JsonValue {
  for (const {states} of subtasks) {
    for (const state of states) {
      if (state.name === COMPATIBILITY_STATE && state.location === 'inline') return state.value;
    }
  }
  return null;
}

export function compareFacets(stored: JsonValue, wanted: JsonValue): Comparison {
  if (!isRecord(stored) || !isRecord(wanted)) {
    return isRecord(stored) || isRecord(wanted)
      ? refuse('its state cannot be compared: only one side describes itself')
      : compareExactly('state', stored, wanted);
  }
  const names = [...new Set([...Object.keys(stored), ...Object.keys(wanted)])].toSorted();
  return merge(
    names.map((name) => {
      const comparer = Object.hasOwn(COMPARERS, name) ? COMPARERS[name] : undefined;
      return (comparer ?? compareExactly)(
        name,
        own(stored, name) ?? null,
        own(wanted, name) ?? null,
      );
    }),
  );
}

function compareExactly(facet: string, stored: JsonValue, wanted: JsonValue): Comparison {
  if (textOf(stored) === textOf(wanted)) return NOTHING;
  return refuse(`its ${facet} was ${textOf(stored)} and is ${textOf(wanted)}`);
}

function compareTtl(_facet: string, stored: JsonValue, wanted: JsonValue): Comparison {
  if (stored !== null && wanted === null) {
    return refuse('its state was kept with a ttl and would live on without one');
  }
  if (stored === null && wanted !== null) {
    return refuse('its state was kept without a ttl, so nothing says how old it is');
  }
  return compareExactly('ttl', stored, wanted);
}

function compareKey(facet: string, stored: JsonValue, wanted: JsonValue): Comparison {
  const before = fieldsOf(stored);
  const after = fieldsOf(wanted);
  if (before === null || after === null) return compareExactly(facet, stored, wanted);
  const names = (fields: readonly (readonly [string, string])[]): string =>
    fields.map(([name]) => name).join(', ');
  if (names(before) !== names(after)) {
    return refuse(`its key columns were (${names(before)}) and are (${names(after)})`);
  }
  return merge(
    before.map(([name, type], index) => {
      const now = after[index]?.[1] ?? '';
      return type === now ? NOTHING : refuse(`its key column ${name} was ${type} and is ${now}`);
    }),
  );
}

function compareMembers(facet: string, stored: JsonValue, wanted: JsonValue): Comparison {
  if (!isRecord(stored) || !isRecord(wanted)) return compareExactly(facet, stored, wanted);
  const singular = facet === 'aggregates' ? 'aggregate' : 'column';
  const names = [...new Set([...Object.keys(stored), ...Object.keys(wanted)])].toSorted();
  return merge(
    names.map((name) => compareMember(`${singular} ${name}`, own(stored, name), own(wanted, name))),
  );
}

function compareMember(
  what: string,
  stored: JsonValue | undefined,
  wanted: JsonValue | undefined,
): Comparison {
  if (stored === undefined) {
    return {...NOTHING, notes: [`${what} is added and starts at its neutral value`]};
  }
  if (wanted === undefined) return {...NOTHING, dropped: [what]};
  const before = isRecord(stored) ? stored : {type: stored};
  const after = isRecord(wanted) ? wanted : {type: wanted};
  const {type: typeBefore = null, ...restBefore} = before;
  const {type: typeAfter = null, ...restAfter} = after;
  if (textOf(restBefore) !== textOf(restAfter)) {
    return refuse(`${what} was ${textOf(stored)} and is ${textOf(wanted)}`);
  }
  if (textOf(typeBefore) === textOf(typeAfter)) return NOTHING;
  if (typeof typeBefore === 'string' && typeof typeAfter === 'string') {
    if (widens(typeBefore, typeAfter)) {
      return {...NOTHING, notes: [`${what} is widened from ${typeBefore} to ${typeAfter}`]};
    }
  }
  return refuse(`${what} was ${textOf(typeBefore)} and is ${textOf(typeAfter)}`);
}

const WIDENING = ['int', 'bigint', 'double'];

function widens(from: string, to: string): boolean {
  const start = WIDENING.indexOf(from);
  return start >= 0 && WIDENING.indexOf(to) > start;
}

const NOTHING: Comparison = {refused: [], dropped: [], notes: []};

function refuse(reason: string): Comparison {
  return {...NOTHING, refused: [reason]};
}

function merge(all: readonly Comparison[]): Comparison {
  return {
    refused: all.flatMap(({refused}) => refused),
    dropped: all.flatMap(({dropped}) => dropped),
    notes: all.flatMap(({notes}) => notes),
  };
}

function fieldsOf(value: JsonValue): readonly (readonly [string, string])[] | null {
  if (!Array.isArray(value)) return null;
  const fields: [string, string][] = [];
  for (const field of value as readonly JsonValue[]) {
    if (!Array.isArray(field)) return null;
    const [name, type] = field as readonly JsonValue[];
    if (typeof name !== 'string' || typeof type !== 'string') return null;
    fields.push([name, type]);
  }
  return fields;
}

/** A name such as `constructor` is a column's name like any other. */
function own(record: {readonly [key: string]: JsonValue}, name: string): JsonValue | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function isRecord(value: JsonValue | undefined): value is {readonly [key: string]: JsonValue} {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal for equal values, whatever the order of keys. */
function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_key, inner: JsonValue) =>
    isRecord(inner)
      ? Object.fromEntries(
          Object.entries(inner).toSorted(([left], [right]) => (left < right ? -1 : 1)),
        )
      : inner,
  );
}
