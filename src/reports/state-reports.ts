// What `state scan` and `state get` tell about the state in a checkpoint. Nothing is written.

import {EngineError} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {systemRandom} from '../base/random.ts';
import {exportState, type ExportFormat, type ExportReport} from '../inspection/export-state.ts';
import type {RowConditions} from '../inspection/state/row-filter.ts';
import {scanState as scan, type ScannedRows} from '../inspection/state/scan-state.ts';
import type {Environment} from '../runtime/run-types.ts';
import {nodeFileSystem as files} from '../storage/node-file-system.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {resolveCheckpoint} from './resolve-report.ts';
import {resolve} from 'node:path';

export interface StateRequest extends RowConditions {
  readonly operator?: string | undefined;
  readonly state?: string | undefined;
  /** Rows at most; null: all. */
  readonly limit: number | null;
  /** How long rows live, as the job says; null: `expires` is null. */
  readonly ttlMillis: number | null;
}

/** The rows of a checkpoint that pass, some at a time. */
export async function* scanState(
  ref: string,
  request: StateRequest,
  environment: Environment,
): AsyncGenerator<ScannedRows> {
  const {operator, state, limit, ttlMillis, ...conditions} = request;
  const directory = await resolveCheckpoint(ref, {environment});
  const chosen = {operator, state, limit, ttlMillis};
  yield* scan({files, directory, conditions, ...chosen});
}

export interface ExportRequest {
  /** As typed. */
  readonly to: string;
  readonly format: ExportFormat;
  readonly operator?: string | undefined;
  readonly state?: string | undefined;
  /** Ends it, as if it had not begun. */
  readonly abort: AbortSignal;
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
}

export interface ExportedCheckpoint extends ExportReport {
  /** Absolute: the directory, and the checkpoint. */
  readonly path: string;
  readonly source: string;
}

export async function exportCheckpoint(
  ref: string,
  {to, ...request}: ExportRequest,
  environment: Environment,
): Promise<ExportedCheckpoint> {
  const source = await resolveCheckpoint(ref, {environment});
  const path = resolve(to);
  const place = {
    ...{files, directory: source},
    ...{random: systemRandom.hex(6), processes: systemProcessTable},
  };
  const report = await exportState({...place, ...request, target: path});
  return {...report, path, source};
}

/** The rows of one key: several, if they differ in their namespace. NOT_FOUND when there is none. */
export async function* getState(
  ref: string,
  request: Omit<StateRequest, 'limit' | 'key'> & {readonly keyText: string},
  environment: Environment,
): AsyncGenerator<ScannedRows> {
  const {operator, state, ttlMillis, keyText} = request;
  const directory = await resolveCheckpoint(ref, {environment});
  const conditions = {key: parseKey(keyText)};
  const chosen = {operator, state, ttlMillis, limit: null, single: true};
  let rowCount = 0;
  for await (const rows of scan({
    files,
    directory,
    conditions,
    ...chosen,
  })) {
    rowCount += rows.rowCount;
    yield rows;
  }
  if (rowCount > 0) return;
  throw new EngineError('NOT_FOUND', `${directory} has no row of the key ${keyText}`, {
    hint: `look at some: tidemark state scan ${shellWord(ref)} --limit 10`,
  });
}

/** A value of a flat JSON list. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/gu;

/** `SFO`: a key of one column; `["SFO",7,null]`: of several, or NULL. */
export function parseKey(text: string): readonly (string | null)[] {
  if (!text.startsWith('[')) return [text];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return [text];
  }
  const values = list as readonly unknown[];
  const tokens = text.match(TOKEN) ?? [];
  return values.map((value, index) => {
    if (value === null || typeof value === 'string') return value;
    if (typeof value === 'boolean') return String(value);
    // As it was typed: the nearest double may be another key.
    if (typeof value === 'number') return tokens[index] ?? String(value);
    throw new EngineError('USAGE', `--key: ${JSON.stringify(value)} is no value of a key`, {
      hint: 'write it like ["SFO",7,null]',
    });
  });
}
