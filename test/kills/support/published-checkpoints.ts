// What lies in a checkpoint directory, as somebody reads it who has only `_metadata`.

import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

export interface InFlightSection {
  readonly edge: string;
  readonly from: number;
  readonly to: number;
}

export interface FoundCheckpoint {
  readonly id: number;
  readonly path: string;
  /** It needs `in-flight-data` to be understood. */
  readonly inFlight: boolean;
  /** By edge, from and to. */
  readonly sections: readonly InFlightSection[];
  readonly operators: readonly {
    readonly uid: string;
    readonly parallelism: number;
    readonly subtasks: readonly {readonly index: number; readonly inputEnded: boolean}[];
  }[];
}

interface StoredState {
  readonly name: string;
  readonly kind: string;
  readonly description?: {readonly sections?: readonly InFlightSection[]};
}

interface Metadata {
  readonly required_features: readonly string[];
  readonly operators: readonly {
    readonly uid: string;
    readonly parallelism: number;
    readonly subtasks: readonly {
      readonly index: number;
      readonly states: readonly StoredState[];
    }[];
  }[];
}

/** Published ones of a job directory, oldest first. One that goes meanwhile is left out. */
export function publishedCheckpoints(jobDirectory: string): FoundCheckpoint[] {
  return namesIn(jobDirectory)
    .flatMap((name) => /^chk-(\d+)$/.exec(name)?.slice(1).map(Number) ?? [])
    .sort((left, right) => left - right)
    .flatMap((id) => readIfThere(id, join(jobDirectory, `chk-${id}`)) ?? []);
}

export function newestCheckpoint(jobDirectory: string): FoundCheckpoint | null {
  const ids = namesIn(jobDirectory).flatMap((name) => /^chk-(\d+)$/.exec(name)?.slice(1) ?? []);
  const newest = Math.max(0, ...ids.map(Number));
  return newest === 0 ? null : readIfThere(newest, join(jobDirectory, `chk-${newest}`));
}

function readIfThere(id: number, path: string): FoundCheckpoint | null {
  let text: string;
  try {
    text = readFileSync(join(path, '_metadata'), 'utf8');
  } catch {
    return null;
  }
  const {required_features: features, operators} = JSON.parse(text) as Metadata;
  const sections = operators.flatMap(({subtasks}) =>
    subtasks.flatMap(({states}) =>
      states.flatMap(({kind, description}) =>
        kind === 'channel' ? (description?.sections ?? []) : [],
      ),
    ),
  );
  const inFlight = features.includes('in-flight-data');
  return {id, path, inFlight, sections, operators: operators.map(summarize)};
}

function summarize({
  uid,
  parallelism,
  subtasks,
}: Metadata['operators'][number]): FoundCheckpoint['operators'][number] {
  return {
    uid,
    parallelism,
    subtasks: subtasks.map(({index, states}) => ({
      index,
      inputEnded: states.some(({name}) => name === 'input-ended'),
    })),
  };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
