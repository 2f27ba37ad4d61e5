// What every source promises: wherever it is snapshotted and restored, the rows, their watermarks and
// their order are those of an undisturbed run; and at another parallelism each row still comes once.

import {expect, test} from 'vitest';
import {crc32} from '#src/base/checksum.js';
import type {SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import type {DeadLetter, SourceReader} from '#src/connectors/connector.js';
import type {RecordBatch} from '#src/records/record-batch.js';
import {toRows} from '#src/records/value.js';
import {stored} from './context.ts';

export interface SourceUnderTest {
  /** Makes the subtasks of one deployment. */
  deploy(
    restored: readonly SubtaskMetadata[],
    parallelism: number,
  ): Promise<(subtask: number) => Promise<SourceReader>>;
  readonly maxRows: number;
  /** Rows at another parallelism are compared as a set: unset for an endless source. */
  readonly rowLimit?: number;
}

export interface ReadRow {
  readonly row: string;
  readonly watermark: number | null;
  readonly origin: string;
}

export interface Reading {
  readonly rows: ReadRow[];
  readonly deadLetters: DeadLetter[];
  batches: number;
  ended: boolean;
}

/** Reads up to `batches` batches, or to the end. */
export async function read(
  reader: SourceReader,
  maxRows: number,
  batches = Infinity,
): Promise<Reading> {
  const reading: Reading = {rows: [], deadLetters: [], batches: 0, ended: false};
  while (reading.batches < batches) {
    const step = reader.poll(maxRows);
    reading.deadLetters.push(...reader.takeDeadLetters());
    if (step.kind === 'ended') {
      reading.ended = true;
      break;
    }
    if (step.kind === 'pending') {
      await reader.available();
      continue;
    }
    reading.batches += 1;
    reading.rows.push(...rowsOf(step.batch, maxRows > 1000));
  }
  return reading;
}

/** `few`: counting lines takes time, so only some rows (always the same ones) are located. */
function rowsOf(batch: RecordBatch, few: boolean): ReadRow[] {
  return toRows(batch).map((values, index) => {
    const row = JSON.stringify(values, (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    const located = !few || crc32(Buffer.from(row)) % 400 === 0;
    return {
      row,
      watermark: batch.watermarks === null ? null : batch.watermarks[index]!,
      origin: located ? (batch.origin?.describe(index) ?? '') : '',
    };
  });
}

export function sourceSuite(name: string, make: () => Promise<SourceUnderTest>): void {
  const open = async (
    source: SourceUnderTest,
    restored: readonly SubtaskMetadata[],
  ): Promise<SourceReader> => (await source.deploy(restored, 1))(0);

  const endOf = (source: SourceUnderTest): number =>
    source.rowLimit === undefined ? Infinity : Math.ceil(source.rowLimit / source.maxRows);

  async function undisturbed(source: SourceUnderTest): Promise<Reading> {
    const reader = await open(source, []);
    const reading = await read(reader, source.maxRows, endOf(source));
    await reader.close();
    expect(reading.rows.length).toBeGreaterThan(0);
    return reading;
  }

  test(`${name}: restored at any batch boundary it goes on as if undisturbed`, async () => {
    const source = await make();
    const whole = await undisturbed(source);
    for (let cut = 0; cut <= whole.batches; cut += 1) {
      const first = await open(source, []);
      const before = await read(first, source.maxRows, cut);
      const states = first.snapshot();
      await first.close();
      const second = await open(source, [stored(states)]);
      const after = await read(second, source.maxRows, endOf(source) - cut);
      expect([...before.rows, ...after.rows]).toEqual(whole.rows);
      if (after.ended) expect(second.watermark()).toBe(Infinity);
      await second.close();
    }
  });

  test(`${name}: restored after every batch it goes on as if undisturbed`, async () => {
    const source = await make();
    const whole = await undisturbed(source);
    const rows: ReadRow[] = [];
    let restored: SubtaskMetadata[] = [];
    while (rows.length < whole.rows.length) {
      const reader = await open(source, restored);
      rows.push(...(await read(reader, source.maxRows, 1)).rows);
      restored = [stored(reader.snapshot())];
      await reader.close();
    }
    expect(rows).toEqual(whole.rows);
  });

  test(`${name}: the watermark before a row never goes back`, async () => {
    const {rows} = await undisturbed(await make());
    const marks = rows.map((row) => row.watermark ?? 0);
    expect(marks).toEqual([...marks].sort((left, right) => left - right));
  });

  test(`${name}: at another parallelism every row still comes once`, async () => {
    const source = await make();
    if (source.rowLimit !== undefined) return;
    const whole = await undisturbed(source);
    const first = await open(source, []);
    const rows = (await read(first, source.maxRows, 2)).rows;
    let restored = [stored(first.snapshot())];
    await first.close();
    for (const parallelism of [3, 2]) {
      const subtaskOf = await source.deploy(restored, parallelism);
      const snapshots: SubtaskMetadata[] = [];
      for (let subtask = 0; subtask < parallelism; subtask += 1) {
        const reader = await subtaskOf(subtask);
        const last = parallelism === 2;
        rows.push(...(await read(reader, source.maxRows, last ? Infinity : 1)).rows);
        snapshots.push(stored(reader.snapshot(), subtask));
        await reader.close();
      }
      restored = snapshots;
    }
    const sorted = (list: readonly ReadRow[]): string[] => list.map(({row}) => row).sort();
    expect(sorted(rows)).toEqual(sorted(whole.rows));
  });
}
