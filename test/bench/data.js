// 3,000,000 NDJSON records of about 81 bytes over 100,000 users, as in PERFORMANCE.md.

import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const TYPES = ['view', 'click', 'cart', 'buy'];
const DIRECTORY = join(tmpdir(), 'tidemark-bench');

/** A small deterministic generator (xorshift32). */
export function xorshift(seed) {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** One record's text. */
export function recordText(random, row) {
  const user = random() % 100_000;
  const amount = (random() % 10_000) / 100;
  return `{"user":"u${user}","type":"${TYPES[random() % 4]}","amount":${amount},"ts":${1_700_000_000_000 + row},"url":"/p/${random() % 10}"}\n`;
}

/** The path of the file with `records` records; made once per machine. */
export function recordsFile(records) {
  mkdirSync(DIRECTORY, {recursive: true});
  const path = join(DIRECTORY, `records-${records}.ndjson`);
  if (existsSync(path)) return path;
  const random = xorshift(42);
  const file = openSync(`${path}.part`, 'w');
  let text = '';
  for (let row = 0; row < records; row += 1) {
    text += recordText(random, row);
    if (text.length > 1 << 20) {
      writeSync(file, text);
      text = '';
    }
  }
  writeSync(file, text);
  closeSync(file);
  renameSync(`${path}.part`, path);
  return path;
}

export function fileSize(path) {
  return statSync(path).size;
}

/** A directory with `count` hard links to the file at `path`. */
export function linkedFiles(path, count) {
  const directory = mkdtempSync(join(DIRECTORY, 'links-'));
  for (let link = 0; link < count; link += 1) {
    linkSync(path, join(directory, `${String(link).padStart(4, '0')}.ndjson`));
  }
  return {
    glob: join(directory, '*.ndjson'),
    remove: () => rmSync(directory, {recursive: true, force: true}),
  };
}
