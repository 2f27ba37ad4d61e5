// Flink's full option keys: where each stands in a job file, or why it is refused. The tables are in
// flink/; a key that is in none of them is none of Flink's, or a typing error.

import {didYouMean} from './closest.ts';
import {ACCEPTED_OPTIONS} from './flink/accepted-options.ts';
import type {AcceptedOption} from './flink/accepted-options.ts';
import {OLDER_KEYS} from './flink/older-keys.ts';
import {REFUSED_CHECKPOINTING} from './flink/refused-checkpointing.ts';
import {REFUSED_CLUSTER} from './flink/refused-cluster.ts';
import type {RefusedOption} from './flink/refused-option.ts';
import {REFUSED_STATE} from './flink/refused-state.ts';

export type FlinkOption =
  | ({readonly kind: 'accepted'; readonly key: string} & AcceptedOption)
  | ({readonly kind: 'refused'; readonly key: string} & RefusedOption);

const REFUSED: ReadonlyMap<string, RefusedOption> = new Map(
  [...REFUSED_CHECKPOINTING, ...REFUSED_STATE, ...REFUSED_CLUSTER].flatMap((option) =>
    option.keys.map((key): [string, RefusedOption] => [key, option]),
  ),
);

/** Null: no key of Flink. The key of the answer is the one that Flink uses by now. */
export function flinkOption(written: string): FlinkOption | null {
  const key = Object.hasOwn(OLDER_KEYS, written) ? OLDER_KEYS[written]! : written;
  const accepted = ACCEPTED_OPTIONS.get(key);
  if (accepted !== undefined) return {kind: 'accepted', key, ...accepted};
  const refused = REFUSED.get(key) ?? refusedFamily(key);
  return refused === null ? null : {kind: 'refused', key, ...refused};
}

/** By the longest `a.b.*` that the key is below. */
function refusedFamily(key: string): RefusedOption | null {
  for (let end = key.lastIndexOf('.'); end > 0; end = key.lastIndexOf('.', end - 1)) {
    const family = REFUSED.get(`${key.slice(0, end)}.*`);
    if (family !== undefined) return family;
  }
  return null;
}

export function suggestFlinkKey(key: string): string | null {
  const keys = [...flinkKeys(), ...Object.keys(OLDER_KEYS)];
  const last = key.split('.').at(-1) ?? '';
  const sameEnd = keys.filter((known) => known.endsWith(`.${last}`));
  return (
    didYouMean(key, keys) ?? (sameEnd[0] === undefined ? null : `did you mean "${sameEnd[0]}"?`)
  );
}

/** Every full key that is obeyed, for help and completion. */
export function flinkKeys(): readonly string[] {
  return [...ACCEPTED_OPTIONS.keys()];
}
