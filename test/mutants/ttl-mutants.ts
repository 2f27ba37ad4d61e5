import type {Mutant} from './mutant.ts';

const table = 'operators/ttl/table-ttl.js';
const rows = 'state/hashmap/hash-table.js';
const cached = 'state/rocksdb/cached-table.js';
const clock = 'operators/ttl/ttl-clock.js';
const group = 'operators/aggregate/group-aggregate.js';

function mutant(
  name: string,
  module: string,
  find: string,
  replace: string,
  rows = 'state TTL',
): Mutant {
  return {name: `ttl: ${name}`, rows, module, find, replace, prover: 'group-ttl'};
}

export const TTL_MUTANTS: readonly Mutant[] = [
  {
    ...mutant(
      'a row lives one millisecond longer',
      table,
      'if (updated <= oldest && updated !== 0)',
      'if (updated < oldest && updated !== 0)',
    ),
    sample: true,
  },
  mutant(
    'a row that was just made has expired',
    table,
    'if (updated <= oldest && updated !== 0)',
    'if (updated <= oldest)',
  ),
  mutant(
    'a result goes out at the moment of its expiry',
    table,
    'return updated + this.#ttl.durationMillis <= now;',
    'return updated + this.#ttl.durationMillis < now;',
  ),
  mutant('a row that comes twice is deleted twice', table, 'floats[cell] = now;', ''),
  mutant(
    'the rows are not resolved again after some were deleted',
    group,
    'if (ttl === null || ttl.write(this.#rows, count, now))\n            return;',
    'if (ttl === null || ttl.write(this.#rows, count, now) || true)\n            return;',
  ),
  mutant(
    'rows that began anew are not written',
    group,
    'table.resolve(keys, selection, 0, count, this.#rows);\n        ttl.write(this.#rows, count, now);',
    'table.resolve(keys, selection, 0, count, this.#rows);',
  ),
  mutant(
    'a deleted row goes out',
    'state/hashmap/noted-rows.js',
    'if (row < this.#marks.length)\n                this.#marks[row] = 0;',
    '',
  ),
  mutant('what expired goes out', table, 'if (!over || this.#returnsExpired)', 'if (true)'),
  mutant(
    'what may go out once goes out again',
    table,
    'endRead() {\n        this.#deleteExpired();',
    'endRead() {\n        this.#expired.clear();',
  ),
  mutant(
    'reading makes young whatever the update type',
    table,
    "if (this.#ttl.updateType === 'on-read-and-write')",
    'if (true)',
  ),
  mutant(
    'reading makes nothing young',
    table,
    "if (this.#ttl.updateType === 'on-read-and-write')",
    'if (false)',
  ),
  mutant(
    'the search in the background has no end',
    table,
    'Math.min(recordCount * this.#ttl.cleanupSize, CLEANUP_ROWS_MAX)',
    'recordCount * this.#ttl.cleanupSize',
  ),
  mutant('the search in the background stays where it is', rows, 'this.#cursor += 1;', ''),
  mutant(
    'the search in the background ends at the last row',
    rows,
    'if (this.#cursor >= this.#rowCount)\n                this.#cursor = 0;',
    'if (this.#cursor >= this.#rowCount)\n                break;',
  ),
  mutant(
    'rows that leave memory for the search come back as they were before',
    cached,
    'this.#evict();\n        const limit = Math.min(places, SCAN_ENTRIES);\n        const { keys, values } = this.#scanRows(this.#cursor, limit);',
    'const limit = Math.min(places, SCAN_ENTRIES);\n        const { keys, values } = this.#scanRows(this.#cursor, limit); this.#evict();',
  ),
  mutant(
    'a deleted row that had left memory is still noted as changed',
    cached,
    'this.#writer.forgetChanged(rows, from, to);',
    ';',
  ),
  mutant(
    'the search passes over rows that are only in memory',
    cached,
    'if (this.#cursor === null)\n            this.#writer.putUnstored();',
    '',
  ),
  {
    ...mutant(
      'the search in the store begins anew each time',
      cached,
      'this.#cursor = count < limit ? null : keys.item(count - 1).slice();',
      'this.#cursor = null;',
    ),
    prover: 'cached-table',
  },
  mutant(
    'the end of the input sends what expired',
    table,
    'beforeEnd() {\n        if (!this.#returnsExpired)',
    'beforeEnd() {\n        if (false)',
  ),
  mutant(
    'the end of the input keeps back what may still go out',
    table,
    'beforeEnd() {\n        if (!this.#returnsExpired)',
    'beforeEnd() {\n        if (true)',
  ),
  mutant(
    'a snapshot cleans up unasked',
    table,
    'if (this.#ttl.cleanupInFullSnapshot)',
    'if (true)',
  ),
  mutant(
    'a snapshot does not clean up',
    table,
    'if (this.#ttl.cleanupInFullSnapshot)',
    'if (false)',
  ),
  mutant(
    'time is the wall clock',
    clock,
    'return this.#begun + Math.floor(this.#clock.monotonicMillis() - this.#monotonicBegun);',
    'return this.#clock.wallMillis();',
    'H76',
  ),
  mutant(
    'a restored clock begins before its snapshot',
    clock,
    ', ...restored.flatMap(readingsOf)',
    '',
    'H76',
  ),
  mutant(
    'time begins with each run',
    clock,
    'Math.floor(clock.wallMillis())',
    '1',
    'restored state keeps its age',
  ),
  {
    name: 'ttl: state without a ttl is taken for state with one',
    rows: 'changing a job between runs',
    module: 'recovery/compatibility.js',
    find: 'if (stored === null && wanted !== null) {',
    replace: 'if (false) {',
    prover: 'plan-restore',
  },
  {
    name: 'ttl: state with a ttl lives on without one',
    rows: 'changing a job between runs',
    module: 'recovery/compatibility.js',
    find: 'if (stored !== null && wanted === null) {',
    replace: 'if (false) {',
    prover: 'plan-restore',
  },
];
