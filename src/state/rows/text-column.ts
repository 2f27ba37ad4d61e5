import {isUtf8} from 'node:buffer';

import type {BytesColumn} from '../../records/column.ts';

/**
 * A column of texts out of bytes that may be none: a slot does not say whether a string or bytes are kept in it. What is no
 * UTF-8 becomes `base64:` and its Base64; a text that begins with `base64:`, or with any number of `utf8:` and then that,
 * gets one more `utf8:` in front, so that no two values become one text. Nothing is copied while there is neither.
 */
export function textColumn(column: BytesColumn, rowCount: number): BytesColumn {
  const {bytes, starts, ends, nulls} = column;
  const wrong: number[] = [];
  const texts: Buffer[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    if (nulls?.[row] === 1) continue;
    const text = escaped(bytes, starts[row]!, ends[row]!);
    if (text === null) continue;
    wrong.push(row);
    texts.push(text);
  }
  if (wrong.length === 0) return column;
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

const ESCAPED = /^(?:utf8:)*base64:/u;

/** Null: as it is. */
function escaped(bytes: Uint8Array, start: number, end: number): Buffer | null {
  const isUtf8Text = isText(bytes, start, end);
  // Nearly all begin with neither letter.
  const first = bytes[start];
  if (isUtf8Text && ((first !== 98 && first !== 117) || end - start < 7)) return null;
  const own = Buffer.from(bytes.subarray(start, end));
  if (!isUtf8Text) return Buffer.from(`base64:${own.toString('base64')}`);
  return ESCAPED.test(own.toString('latin1')) ? Buffer.from(`utf8:${own.toString()}`) : null;
}

/** Whether the bytes are UTF-8; ASCII, which most are, is seen without a call. */
export function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at]! >= 128) return isUtf8(bytes.subarray(start, end));
  }
  return true;
}
