import {isUtf8} from 'node:buffer';

import type {BytesColumn} from '../../records/column.ts';

/**
 * A column of texts out of bytes that may be none: a slot does not say whether a string or bytes are kept in it. What is no
 * UTF-8 becomes `base64:` and its Base64; nothing is copied while all of them are.
 */
export function textColumn(column: BytesColumn, rowCount: number): BytesColumn {
  const {bytes, starts, ends, nulls} = column;
  const wrong: number[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    if (nulls?.[row] === 1) continue;
    if (!isText(bytes, starts[row]!, ends[row]!)) wrong.push(row);
  }
  if (wrong.length === 0) return column;
  const texts = wrong.map((row) =>
    Buffer.from(`base64:${Buffer.from(bytes.subarray(starts[row], ends[row])).toString('base64')}`),
  );
  const grown = Buffer.concat([bytes, ...texts]);
  const [from, to] = [starts.slice(), ends.slice()];
  let at = bytes.length;
  for (const [index, row] of wrong.entries()) {
    from[row] = at;
    at += texts[index]!.length;
    to[row] = at;
  }
  return {layout: 'bytes', bytes: grown, starts: from, ends: to, nulls};
}

/** Whether the bytes are UTF-8; ASCII, which most are, is seen without a call. */
export function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at]! >= 128) return isUtf8(bytes.subarray(start, end));
  }
  return true;
}
