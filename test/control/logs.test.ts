// The log of a detached run: ten files at most, no line cut or lost by a rotation, no text of a user that breaks a
// line; and a reader that misses nothing while the files are renamed under it.

import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {eventLines, escapeControl} from '#src/control/log-lines.js';
import {RotatingLog} from '#src/control/rotating-log.js';
import {LogReader} from '#src/control/log-reader.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logs-'));
});
afterEach(() => {
  rmSync(directory, {recursive: true, force: true});
});

function lines(from: number, count: number): string[] {
  return Array.from({length: count}, (_, index) => `line ${from + index}`);
}

function log(): RotatingLog {
  return new RotatingLog({directory, filesMax: 10, bytesMax: 100});
}

describe('writing', () => {
  test('no more than ten files, none over its size, each line whole', () => {
    const writer = log();
    for (let index = 0; index < 400; index += 4) writer.write(lines(index, 4));
    const names = readdirSync(directory);
    expect(names).toHaveLength(10);
    for (const name of names) {
      expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(100);
      expect(readFileSync(join(directory, name), 'utf8')).toMatch(/^(line \d+\n)+$/);
    }
    expect(readFileSync(join(directory, 'tidemark.log'), 'utf8')).toContain('line 399\n');
  });

  test('the next process goes on with the newest file', () => {
    log().write(lines(0, 3));
    log().write(lines(3, 3));
    expect(readFileSync(join(directory, 'tidemark.log'), 'utf8')).toBe(
      `${lines(0, 6).join('\n')}\n`,
    );
  });

  test('a line longer than a file has a file of its own', () => {
    const writer = log();
    writer.write(['short', 'x'.repeat(300), 'after']);
    expect(readFileSync(join(directory, 'tidemark.log.1'), 'utf8')).toBe(`${'x'.repeat(300)}\n`);
  });

  test('what cannot be written is counted, and the first line that fits says so', () => {
    const writer = log();
    rmSync(directory, {recursive: true});
    writer.write(lines(0, 3));
    writer.write(lines(3, 2));
    mkdirSync(directory);
    writer.write(['here again']);
    expect(readFileSync(join(directory, 'tidemark.log'), 'utf8')).toBe(
      '(5 lines were lost: the log could not be written)\nhere again\n',
    );
  });
});

describe('reading', () => {
  test('every line once, in order, however the files turn between two looks', () => {
    const writer = log();
    writer.write(lines(0, 30));
    const reader = new LogReader(directory);
    const seen = [...reader.lines()];
    let written = 30;
    for (const count of [1, 5, 12, 40, 3, 25]) {
      writer.write(lines(written, count));
      written += count;
      seen.push(...reader.lines());
    }
    reader.close();
    expect(seen).toEqual(lines(0, written));
  });

  test('a log that does not exist yet is read once it does', () => {
    const reader = new LogReader(directory);
    expect([...reader.lines()]).toEqual([]);
    log().write(lines(0, 2));
    expect([...reader.lines()]).toEqual(lines(0, 2));
    reader.close();
  });

  test('a reader that was left behind by more than is kept goes on with what is there', () => {
    const writer = log();
    writer.write(lines(0, 1));
    const reader = new LogReader(directory);
    expect([...reader.lines()]).toEqual(lines(0, 1));
    writer.write(lines(1, 500));
    const seen = [...reader.lines()];
    expect(seen.at(-1)).toBe('line 500');
    expect(new Set(seen).size).toBe(seen.length);
    reader.close();
  });
});

describe('lines', () => {
  test('no event of a user’s text makes two lines, colours one, or turns its direction', () => {
    const evil =
      '\u001b[31mred\u001b[0m\n2026-01-01T00:00:00.000Z INFO  forged\r\u0000\u202eabc\ud800';
    const events = [
      {type: 'warning', at: 0, code: 'X', message: evil},
      {type: 'checkpoint_failed', at: 0, id: 1, reason: evil},
      {type: 'restarting', at: 0, attempt: 1, cause: evil, restoredFrom: evil},
      {type: 'row', at: 0, sink: evil, row: {[evil]: evil, big: 2n ** 60n}},
    ] as const;
    for (const event of events) {
      const written = eventLines(event);
      expect(written).toHaveLength(1);
      // eslint-disable-next-line no-control-regex -- none of them may be there
      expect(written[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\ud800]/);
    }
    expect(eventLines(events[3])[0]).toContain('"big":"1152921504606846976"');
  });

  test('a whole pair of surrogates stays', () => {
    expect(escapeControl('🌊 é')).toBe('🌊 é');
  });
});
