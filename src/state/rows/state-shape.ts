// What the rows of a state look like to somebody who has not the job: from the schema that lies beside them.
//
// A slot's type is how it is kept, which says less than the job: MAX(int) is kept as a double, MIN(decimal) unscaled. A slot
// that is not set is NULL, as its aggregate is; a count is always a number, and so is `ttl.updated`.

import type {Field} from '../../records/schema.ts';
import {BIGINT, BOOLEAN, DOUBLE, STRING, type DataType} from '../../records/data-type.ts';
import {specOfSchema} from '../canonical/canonical-format.ts';
import type {SnapshotSchema} from '../snapshot-format.ts';
import type {TableSpec, ValueSlot} from '../state-backend.ts';

/** In the slots of a state whose rows expire: when each was last written, milliseconds since the epoch. */
export const UPDATED_SLOT = 'ttl.updated';
const COUNT_SUFFIX = '.count';

export interface StateShape {
  readonly spec: TableSpec;
  readonly maxParallelism: number;
  /** What decides the key group. */
  readonly key: readonly Field[];
  /** The start of a window and the like: the rest of the key. */
  readonly namespace: readonly Field[];
  readonly values: readonly Field[];
  /** Index in `values` of `ttl.updated`; -1: its rows do not expire. */
  readonly updated: number;
}

/** CHECKPOINT_DAMAGED when the schema has a type that there is not; `path` for the message. */
export function stateShape(schema: SnapshotSchema, path: string): StateShape {
  const spec = specOfSchema(schema, path);
  return {
    spec,
    maxParallelism: schema.maxParallelism,
    key: spec.key.slice(0, spec.keyGroupColumns),
    namespace: spec.key.slice(spec.keyGroupColumns),
    values: spec.values.map((slot) => ({name: slot.name, type: slotType(slot)})),
    updated: spec.values.findIndex(({name}) => name === UPDATED_SLOT),
  };
}

/** Whether zero that is not set is a value of its own. */
export function countsFromZero({name}: ValueSlot): boolean {
  return name.endsWith(COUNT_SUFFIX) || name === UPDATED_SLOT;
}

function slotType({kind}: ValueSlot): DataType {
  switch (kind) {
    case 'float64':
      return DOUBLE;
    case 'int64':
      return BIGINT;
    case 'bytes':
      return STRING;
    case 'flag':
      return BOOLEAN;
  }
}
