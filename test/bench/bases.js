// What the goals are measured against: plain JavaScript, and DuckDB with one thread.

import {openSync, closeSync, readFileSync, readSync} from 'node:fs';

import {timed} from './support.js';

/** Every line of the file as a string of its own. */
export function linesOf(path) {
  const lines = readFileSync(path, 'latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** PO: JSON.parse of every line and nothing else. */
export function parseOnly(lines) {
  return async () => {
    let kept = 0;
    const {millis} = await timed(() => {
      for (let index = 0; index < lines.length; index += 1) {
        if (JSON.parse(lines[index]).amount > 1e9) kept += 1;
      }
    });
    if (kept !== 0) throw new Error('the data is not what it should be');
    return {records: lines.length, millis};
  };
}

/** JSON.parse and JSON.stringify of every line. */
export function parseAndStringify(lines) {
  return async () => {
    let bytes = 0;
    const {millis} = await timed(() => {
      for (let index = 0; index < lines.length; index += 1) {
        bytes += JSON.stringify(JSON.parse(lines[index])).length;
      }
    });
    if (bytes < lines.length) throw new Error('nothing was written');
    return {records: lines.length, millis};
  };
}

/** BL: the bare loop: readSync, JSON.parse, group in a Map. Keeps its result in `groups`. */
export function bareLoop(path, groups) {
  return async () => {
    groups.clear();
    let records = 0;
    const {millis} = await timed(() => {
      const file = openSync(path, 'r');
      const block = Buffer.allocUnsafe(1 << 20);
      let rest = '';
      for (;;) {
        const count = readSync(file, block, 0, block.length, null);
        if (count === 0) break;
        const lines = (rest + block.latin1Slice(0, count)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const {user, amount} = JSON.parse(line);
          const group = groups.get(user);
          if (group === undefined) groups.set(user, {count: 1, sum: amount});
          else {
            group.count += 1;
            group.sum += amount;
          }
          records += 1;
        }
      }
      closeSync(file);
    });
    return {records, millis};
  };
}

/** The same group-by in DuckDB with one thread over the same file. */
export async function duckdbGroupBy(path, records) {
  const {DuckDBInstance} = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {threads: '1'});
  const connection = await instance.connect();
  const query = `SELECT count(*), sum(n) FROM (SELECT user, count(*) AS n, sum(amount) AS s
    FROM read_json('${path}', format='newline_delimited', columns={user: 'VARCHAR', amount: 'DOUBLE'}) GROUP BY user)`;
  return async () => {
    const {result, millis} = await timed(() => connection.runAndReadAll(query));
    const [, total] = result.getRows()[0];
    if (Number(total) !== records) throw new Error(`DuckDB saw ${total} of ${records} records`);
    return {records, millis};
  };
}
