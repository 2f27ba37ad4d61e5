// The small records in `owner/`: who took a generation, on which lineage it works, how it ended. Each is
// sealed JSON (sealed-json.ts), written once, never changed.

import {EngineError} from '../base/errors.ts';
import type {ProcessIdentity} from '../base/process-identity.ts';
import type {LineageAncestor} from '../checkpoint/checkpoint-metadata.ts';
import {isObject, type JsonObject} from './canonical-json.ts';
import {decodeClaim, encodeClaim, type Claim} from './claims.ts';
import {FieldError, Fields} from './json-fields.ts';
import {GENERATION_MAX} from './paths.ts';
import {openSealedJson, sealJson} from './sealed-json.ts';

export const RECORD_BYTES_MAX = 4 * 1024 * 1024;
const HEX_64_BITS = /^[0-9a-f]{16}$/;
const ANCESTORS_MAX = 10_000;

/** `run`: works on the job. `prune`: a command that changed the directory of a dead job. */
export type OwnerKind = 'run' | 'prune';

export interface OwnerRecord {
  readonly generation: number;
  readonly kind: OwnerKind;
  readonly runId: string;
  readonly process: ProcessIdentity;
  /** Wall clock, milliseconds since the epoch. */
  readonly started: number;
}

/** What a lineage starts from. */
export type LineageOrigin =
  | {readonly kind: 'fresh'}
  | {
      readonly kind: 'checkpoint';
      readonly checkpointId: number;
      /** Absolute path of its directory. */
      readonly path: string;
      /** SHA-256 of its `_metadata`. */
      readonly metadataSha256: string;
      /** It belongs to the lineage, which removes it once it has a checkpoint of its own. */
      readonly claimed: boolean;
    };

/** What was decided about committed output above the restored checkpoint. */
export type OutputAhead = 'refuse' | 'keep' | 'withdraw';

/** Written by each generation that runs: also a resumed one, with the lineage that it goes on with. */
export interface LineageRecord {
  readonly lineage: string;
  readonly origin: LineageOrigin;
  /** Oldest first. */
  readonly ancestors: readonly LineageAncestor[];
  /** Null: nothing was ahead, or nothing was restored. */
  readonly outputAhead: OutputAhead | null;
}

/** Of a `prune`, before it deletes what a job of another directory claimed: who resumes here must know what is missing. */
export interface ClaimedRecord {
  readonly checkpointId: number;
  /** The checkpoint's own. */
  readonly lineage: string;
  readonly by: Claim;
}

/** Crashed runs leave no end record. */
export const RUN_ENDS = ['finished', 'cancelled', 'stopped', 'failed', 'interrupted'] as const;
export type RunEnd = (typeof RUN_ENDS)[number];

export interface EndRecord {
  readonly how: RunEnd;
  /** Wall clock, milliseconds since the epoch. */
  readonly ended: number;
  /** Whatever the run wants to tell the next one: counts, the last checkpoint's path. */
  readonly facts: JsonObject;
}

export function encodeOwnerRecord(record: OwnerRecord): Uint8Array {
  return sealJson({
    generation: record.generation,
    kind: record.kind,
    run_id: record.runId,
    host: record.process.host,
    boot_id: record.process.bootId,
    pid_namespace: record.process.pidNamespace,
    pid: record.process.pid,
    start_time: record.process.startTime,
    started: record.started,
  });
}

export function decodeOwnerRecord(bytes: Uint8Array, path: string): OwnerRecord {
  return decodeRecord(bytes, path, (fields) => ({
    generation: fields.count('generation', 1, GENERATION_MAX),
    kind: fields.oneOf('kind', ['run', 'prune']),
    runId: fields.text('run_id', HEX_64_BITS),
    process: {
      host: fields.text('host'),
      bootId: fields.textOrNull('boot_id'),
      pidNamespace: fields.textOrNull('pid_namespace'),
      pid: fields.count('pid', 1),
      startTime: fields.textOrNull('start_time'),
    },
    started: fields.count('started'),
  }));
}

export function encodeLineageRecord(record: LineageRecord): Uint8Array {
  return sealJson({
    lineage: record.lineage,
    origin:
      record.origin.kind === 'fresh'
        ? {kind: 'fresh'}
        : {
            kind: 'checkpoint',
            checkpoint_id: record.origin.checkpointId,
            path: record.origin.path,
            metadata_sha256: record.origin.metadataSha256,
            claimed: record.origin.claimed,
          },
    ancestors: record.ancestors.map(({lineage, checkpointId}) => ({
      lineage,
      checkpoint_id: checkpointId,
    })),
    output_ahead: record.outputAhead,
  });
}

export function decodeLineageRecord(bytes: Uint8Array, path: string): LineageRecord {
  return decodeRecord(bytes, path, (fields) => ({
    lineage: fields.text('lineage', HEX_64_BITS),
    origin: decodeOrigin(fields.object('origin')),
    ancestors: fields.objects('ancestors', ANCESTORS_MAX, (ancestor) => ({
      lineage: ancestor.text('lineage', HEX_64_BITS),
      checkpointId: ancestor.count('checkpoint_id', 1),
    })),
    outputAhead:
      fields.value('output_ahead') === null
        ? null
        : fields.oneOf<OutputAhead>('output_ahead', ['refuse', 'keep', 'withdraw']),
  }));
}

function decodeOrigin(fields: Fields): LineageOrigin {
  if (fields.oneOf('kind', ['fresh', 'checkpoint']) === 'fresh') return {kind: 'fresh'};
  return {
    kind: 'checkpoint',
    checkpointId: fields.count('checkpoint_id', 1),
    path: fields.path('path'),
    metadataSha256: fields.text('metadata_sha256', /^[0-9a-f]{64}$/),
    claimed: fields.flag('claimed'),
  };
}

export function encodeClaimedRecord({checkpointId, lineage, by}: ClaimedRecord): Uint8Array {
  return sealJson({checkpoint_id: checkpointId, lineage, claimed_by: encodeClaim(by)});
}

export function decodeClaimedRecord(bytes: Uint8Array, path: string): ClaimedRecord {
  return decodeRecord(bytes, path, (fields) => ({
    checkpointId: fields.count('checkpoint_id', 1),
    lineage: fields.text('lineage', HEX_64_BITS),
    by: decodeClaim(fields.object('claimed_by')),
  }));
}

export function encodeEndRecord(record: EndRecord): Uint8Array {
  return sealJson({how: record.how, ended: record.ended, facts: record.facts});
}

export function decodeEndRecord(bytes: Uint8Array, path: string): EndRecord {
  return decodeRecord(bytes, path, (fields) => {
    const facts = fields.value('facts');
    if (!isObject(facts)) throw fields.wrong('facts', 'an object');
    return {how: fields.oneOf('how', RUN_ENDS), ended: fields.count('ended'), facts};
  });
}

/** `.published` and `.settled`: that they are there is all they say. */
export function encodeMark(generation: number, mark: 'published' | 'settled'): Uint8Array {
  return sealJson({generation, mark});
}

function decodeRecord<T>(bytes: Uint8Array, path: string, decode: (fields: Fields) => T): T {
  const opened = openSealedJson(bytes);
  if (opened.kind === 'damaged') {
    throw damagedRecord(path, `at byte ${opened.offset}: ${opened.message}`);
  }
  try {
    return decode(new Fields(opened.fields, ''));
  } catch (error) {
    if (error instanceof FieldError) throw damagedRecord(path, error.message);
    throw error;
  }
}

function damagedRecord(path: string, reason: string): EngineError {
  return new EngineError('CHECKPOINT_DAMAGED', `${path} is damaged: ${reason}`, {
    file: path,
    hint: 'It says how an earlier run worked, and without it nobody can choose safely here. Go on in another directory from a checkpoint that verifies: tidemark restore REF JOB.yaml --set checkpointing.dir=file:DIR',
  });
}
