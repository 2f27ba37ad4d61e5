// What a `run` does, decided from the facts of the job directory: JOB.md "Starting, resuming, running
// again". The same function decides again after verification found the chosen checkpoint damaged (its
// facts say `damaged` then), and at each restart inside the process. Promises, held by the tests:
//  (R1) a lineage that had checkpoints never starts empty nor from its origin
//  (R2) an older checkpoint is never used for a newer one without `--on-damaged use-older`
//  (R3) a run that ended on purpose is not resumed without being asked
//  (R4) nothing is resumed from before what a job of another directory claimed and took away: that one goes on from there

import type {ErrorCode} from '../base/errors.ts';
import {shellWord} from '../base/shell-word.ts';
import {
  belongsTo,
  lastRun,
  newestClaimed,
  type CheckpointFacts,
  type ClaimedCheckpoint,
  type CompleteCheckpoint,
  type GenerationFacts,
  type JobDirectoryFacts,
  type LineageRecord,
} from './facts.ts';

export interface StartRequest {
  /** `auto` also for every restart inside the process, whatever the flags of `run` were. */
  readonly start:
    | {readonly kind: 'auto'}
    /** `--fresh` */
    | {readonly kind: 'fresh'}
    /** `-s REF`; null: nothing is there. */
    | {
        readonly kind: 'restore';
        readonly ref: string;
        readonly checkpoint: CheckpointFacts | null;
        /** `--claim-mode claim` */
        readonly claim: boolean;
      };
  readonly onDamaged: 'stop' | 'use-older';
  readonly allowDrained: boolean;
  /** A restart inside the process: its sentence, "a task failed"; null when the process starts. */
  readonly restartCause: string | null;
  /** As given to `run`; for the commands in hints. */
  readonly jobFile: string;
}

export interface StartFacts extends JobDirectoryFacts {
  /** A process that still works here (generation, host, pid); null: none, or taken over. */
  readonly running: {
    readonly generation: number;
    readonly host: string;
    readonly pid: number;
  } | null;
  /** The origin of the last run's lineage, if that is a checkpoint that still exists. */
  readonly origin: CheckpointFacts | null;
}

export type StartDecision =
  | {
      readonly kind: 'fresh';
      readonly sentence: string;
      /** The checkpoint or savepoint to name to who wanted to go on; null: none. */
      readonly resumeRef: string | null;
    }
  | {
      readonly kind: 'resumed';
      readonly lineage: string;
      /** `fresh-origin`: nothing was taken yet, the lineage began empty. */
      readonly from:
        | {readonly kind: 'checkpoint'; readonly checkpoint: CompleteCheckpoint}
        | {readonly kind: 'checkpoint-origin'; readonly checkpoint: CompleteCheckpoint}
        | {readonly kind: 'fresh-origin'};
      /** The lineage's record, repeated by the new generation. */
      readonly record: LineageRecord;
      readonly sentence: string;
    }
  /** A new lineage from `checkpoint`. */
  | {
      readonly kind: 'restored';
      readonly checkpoint: CompleteCheckpoint;
      readonly because: 'requested' | 'newest-damaged';
      /** The new lineage owns it from then on. */
      readonly claimed: boolean;
      readonly sentence: string;
    }
  /** The work is done: settle `checkpoint`, write the end record, exit 0. */
  | {
      readonly kind: 'finish-only';
      readonly lineage: string;
      readonly checkpoint: CompleteCheckpoint;
      readonly record: LineageRecord;
      readonly end: 'finished' | 'stopped';
      readonly sentence: string;
    }
  | {
      readonly kind: 'refuse';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string;
      /** The id to go on from with an explicit command; null: none. */
      readonly newestGood: number | null;
    };

type Run = GenerationFacts & {readonly lineage: LineageRecord};

export function chooseStart(facts: StartFacts, request: StartRequest): StartDecision {
  if (facts.running !== null) return refuseRunning(facts, facts.running);
  switch (request.start.kind) {
    case 'fresh':
      return {kind: 'fresh', sentence: 'fresh start, as asked', resumeRef: null};
    case 'restore':
      return restoreRequested(facts, request.start, request.allowDrained);
    case 'auto': {
      const run = lastRun(facts);
      if (run === null) return firstRun(facts, request);
      if (endedOnPurpose(run)) return startAgain(facts, run);
      return resume(facts, run, request);
    }
  }
}

/** Why a checkpoint that was asked for is not restored. One without `_metadata` was never published. */
const REFUSED_AS: Readonly<Record<Exclude<CheckpointFacts['state'], 'complete'>, ErrorCode>> = {
  damaged: 'CHECKPOINT_DAMAGED',
  incomplete: 'NOT_FOUND',
  incompatible: 'INCOMPATIBLE',
  refused: 'REFUSED',
};

function endedOnPurpose({end}: Run): boolean {
  return end !== null && ['finished', 'cancelled', 'stopped'].includes(end.how);
}

function refuseRunning(
  {jobName}: StartFacts,
  {generation, host, pid}: NonNullable<StartFacts['running']>,
): StartDecision {
  return {
    kind: 'refuse',
    code: 'ALREADY_RUNNING',
    message: `job ${jobName} is already running: generation ${generation}, process ${pid} on ${host}`,
    hint: 'stop it first, or pass --take-over if that process is known to be dead',
    newestGood: null,
  };
}

function restoreRequested(
  {checkpoints}: StartFacts,
  {ref, checkpoint: asked, claim}: Extract<StartRequest['start'], {kind: 'restore'}>,
  allowDrained: boolean,
): StartDecision {
  // In our own directory it must be ours; elsewhere another job's may be asked for.
  const checkpoint = checkpoints.find(({path}) => path === asked?.path) ?? asked;
  if (checkpoint === null) {
    return {
      kind: 'refuse',
      code: 'NOT_FOUND',
      message: `no checkpoint or savepoint: ${ref}`,
      hint: 'see what there is: tidemark checkpoint list',
      newestGood: null,
    };
  }
  if (checkpoint.state !== 'complete') {
    const good = newestComplete(checkpoints);
    const instead = good === null ? '' : `the newest good one here is ${nameOf(good)}; `;
    return {
      kind: 'refuse',
      code: REFUSED_AS[checkpoint.state],
      message: `${ref} cannot be restored: ${checkpoint.damage}`,
      hint: `${instead}see all of the damage: tidemark checkpoint verify ${shellWord(checkpoint.path)}`,
      newestGood: good?.id ?? null,
    };
  }
  if (checkpoint.metadata.drained && !allowDrained) {
    return {
      kind: 'refuse',
      code: 'REFUSED',
      message: `${ref} was taken after the end of the input: its windows are flushed and will not be right for more input`,
      hint: 'pass --allow-drained to restore it all the same',
      newestGood: null,
    };
  }
  return {
    kind: 'restored',
    checkpoint,
    because: 'requested',
    claimed: claim,
    sentence: `restored from ${nameOf(checkpoint)} (${checkpoint.path}), ${claim ? 'which is claimed, ' : ''}as asked`,
  };
}

function firstRun(facts: StartFacts, {jobFile}: StartRequest): StartDecision {
  const {checkpoints, jobName} = facts;
  if (checkpoints.length === 0) {
    return {kind: 'fresh', sentence: 'fresh start: no earlier run is known', resumeRef: null};
  }
  // Somebody removed `owner/`: how the last run ended is unknown, so it is not guessed.
  const good = newestComplete(checkpoints);
  return {
    kind: 'refuse',
    code: 'CHECKPOINT_DAMAGED',
    message: `job ${jobName} has checkpoints, but no record of the runs that took them`,
    hint: `${goOn(facts, good, jobFile)}, or start over with --fresh`,
    newestGood: good?.id ?? null,
  };
}

function startAgain(facts: StartFacts, run: Run): StartDecision {
  const good = newestComplete(facts.checkpoints.filter((it) => belongsTo(it, run.lineage.lineage)));
  const gone = newestClaimed(facts, run.lineage.lineage);
  const isNewest = good !== null && good.id >= (gone?.checkpointId ?? 0);
  const resumeRef = run.end?.savepoint ?? (isNewest ? `${facts.jobName}@${good.id}` : null);
  const how = run.end?.how ?? 'finished';
  // The last checkpoint of a run that finished was taken with its windows flushed.
  const isDrained = how === 'finished' || run.end?.drained === true;
  const drained = isDrained ? ' --allow-drained' : '';
  const goOnFrom =
    resumeRef === null ? '' : `; to go on from it instead: -s ${shellWord(resumeRef)}${drained}`;
  return {
    kind: 'fresh',
    sentence: `fresh start, because the last run ${how === 'finished' ? 'finished' : `was ${how}`}${goOnFrom}`,
    resumeRef,
  };
}

function resume(facts: StartFacts, run: Run, request: StartRequest): StartDecision {
  const {lineage} = run.lineage;
  const hadCheckpoints = facts.generations.some(
    (other) => other.lineage?.lineage === lineage && other.published,
  );
  const own = facts.checkpoints.filter((it) => belongsTo(it, lineage) === true);
  const good = newestComplete(own);
  const bad = newestDamaged(facts, lineage, hadCheckpoints);
  const newer = newerThan(good, bad, newestClaimed(facts, lineage), facts, request);
  if (newer !== null) return newer;
  if (good === null) {
    return hadCheckpoints ? noneLeft(facts, request) : resumeOrigin(facts, run, request);
  }
  const record = run.lineage;
  const cause = causeOf(run, request);
  if (good.metadata.drained) {
    const end = good.metadata.purpose === 'stop' ? 'stopped' : 'finished';
    const sentence = `finishing from ${nameOf(good)}: the whole input is in it, and ${cause}`;
    return {kind: 'finish-only', lineage, checkpoint: good, record, end, sentence};
  }
  return {
    kind: 'resumed',
    lineage,
    from: {kind: 'checkpoint', checkpoint: good},
    record,
    sentence: `resumed from ${nameOf(good)}, because ${cause}`,
  };
}

/** What stands in the way of `good`: something newer that is damaged, or was claimed and taken away; null: nothing. */
function newerThan(
  good: CompleteCheckpoint | null,
  bad: CheckpointFacts | null,
  gone: ClaimedCheckpoint | null,
  facts: StartFacts,
  request: StartRequest,
): StartDecision | null {
  const [goodId, badId, goneId] = [good?.id ?? 0, bad?.id ?? 0, gone?.checkpointId ?? 0];
  if (gone !== null && goneId > Math.max(goodId, badId)) {
    return claimedNewest(facts, gone, good, request);
  }
  if (bad === null || badId < goodId) return null;
  return damagedNewest(bad, goodId < goneId ? null : good, request);
}

/**
 * The newest damaged checkpoint that may be of `lineage`. One whose metadata cannot be read is taken
 * for ours if the lineage is known to have published; otherwise it cannot matter: the mark comes
 * before the first notification, so that nothing of an unmarked one was committed or reported.
 */
function newestDamaged(
  {checkpoints}: StartFacts,
  lineage: string,
  hadCheckpoints: boolean,
): CheckpointFacts | null {
  const mayBeOurs = (it: CheckpointFacts): boolean => belongsTo(it, lineage) ?? hadCheckpoints;
  return checkpoints.findLast((it) => it.state !== 'complete' && mayBeOurs(it)) ?? null;
}

function claimedNewest(
  {jobName}: StartFacts,
  {checkpointId, by}: ClaimedCheckpoint,
  good: CompleteCheckpoint | null,
  {jobFile}: StartRequest,
): StartDecision {
  const older =
    good === null
      ? ''
      : `; or begin from ${nameOf(good)}, which makes what came after it again: tidemark run ${shellWord(jobFile)} -s ${shellWord(`${jobName}@${good.id}`)}`;
  return {
    kind: 'refuse',
    code: 'ALREADY_RUNNING',
    message: `chk-${checkpointId}, from which the last run of ${jobName} would go on, was claimed and taken away by the job in ${by.jobDirectory} (lineage ${by.lineage}): resuming from before it would make its output again`,
    hint: `go on with the job of that directory${older}; or start over: tidemark run ${shellWord(jobFile)} --fresh`,
    newestGood: good?.id ?? null,
  };
}

function damagedNewest(
  bad: CheckpointFacts,
  good: CompleteCheckpoint | null,
  request: StartRequest,
): StartDecision {
  const damage = bad.state === 'complete' ? '' : bad.damage;
  if (bad.state === 'incompatible') {
    return {
      kind: 'refuse',
      code: 'INCOMPATIBLE',
      message: `the newest checkpoint ${nameOf(bad)} cannot be read by this version: ${damage}`,
      hint: 'go on with the version that wrote it',
      newestGood: good?.id ?? null,
    };
  }
  if (good !== null && request.onDamaged === 'use-older') {
    return {
      kind: 'restored',
      checkpoint: good,
      because: 'newest-damaged',
      claimed: false,
      sentence: `restored from ${nameOf(good)}, because the newer ${nameOf(bad)} is damaged (${damage}) and --on-damaged is use-older`,
    };
  }
  return {
    kind: 'refuse',
    code: bad.state === 'refused' ? 'REFUSED' : 'CHECKPOINT_DAMAGED',
    message: `the newest checkpoint ${nameOf(bad)} is ${bad.state === 'refused' ? 'refused' : 'damaged'}: ${damage}`,
    hint:
      good === null
        ? `no older checkpoint of this run is restorable; see all of the damage: tidemark checkpoint verify ${shellWord(bad.path)}; start over: tidemark run ${shellWord(request.jobFile)} --fresh`
        : `the newest good one is ${nameOf(good)}; to go on from it: tidemark run ${shellWord(request.jobFile)} --on-damaged use-older`,
    newestGood: good?.id ?? null,
  };
}

function noneLeft(facts: StartFacts, {jobFile}: StartRequest): StartDecision {
  return {
    kind: 'refuse',
    code: 'CHECKPOINT_DAMAGED',
    message: `the last run of ${facts.jobName} had checkpoints, and none of them is left: it cannot be resumed`,
    hint: `restore another one with -s REF, or start over: tidemark run ${shellWord(jobFile)} --fresh`,
    newestGood: null,
  };
}

function resumeOrigin(facts: StartFacts, run: Run, request: StartRequest): StartDecision {
  const {lineage, origin} = run.lineage;
  const cause = causeOf(run, request);
  if (origin.kind === 'fresh') {
    return {
      kind: 'resumed',
      lineage,
      from: {kind: 'fresh-origin'},
      record: run.lineage,
      sentence: `resumed from the beginning, because ${cause} before its first checkpoint`,
    };
  }
  const checkpoint = facts.origin;
  const changed =
    checkpoint?.state === 'complete' && checkpoint.metadataSha256 !== origin.metadataSha256;
  if (checkpoint?.state === 'complete' && !changed) {
    return {
      kind: 'resumed',
      lineage,
      from: {kind: 'checkpoint-origin', checkpoint},
      record: run.lineage,
      sentence: `resumed from ${nameOf(checkpoint)} (${origin.path}), with which the last run began, because ${cause} before its first checkpoint`,
    };
  }
  const from = run.lineage.ancestors.at(-1)?.lineage;
  const taken = facts.generations
    .flatMap(({claimed}) => claimed ?? [])
    .find((it) => it.lineage === from && it.checkpointId === origin.checkpointId);
  if (checkpoint === null && taken !== undefined) return claimedNewest(facts, taken, null, request);
  let why = 'it is gone';
  if (changed) why = 'it is not the same any more (its _metadata has changed)';
  else if (checkpoint !== null && checkpoint.state !== 'complete') why = checkpoint.damage;
  return {
    kind: 'refuse',
    code: 'CHECKPOINT_DAMAGED',
    message: `the last run began from chk-${origin.checkpointId} (${origin.path}), which cannot be used again: ${why}`,
    hint: `restore another one with -s REF, or start over: tidemark run ${shellWord(request.jobFile)} --fresh`,
    newestGood: null,
  };
}

function causeOf({end}: Run, {restartCause}: StartRequest): string {
  if (restartCause !== null) return restartCause;
  if (end === null) return 'the last run crashed';
  return end.how === 'failed' ? 'the last run failed' : 'the last run was interrupted';
}

function goOn(facts: StartFacts, good: CompleteCheckpoint | null, jobFile: string): string {
  if (good === null) return 'none of them is restorable: restore another one with -s REF';
  return `go on from the newest good one: tidemark run ${shellWord(jobFile)} -s ${shellWord(`${facts.jobName}@${good.id}`)}`;
}

function newestComplete(checkpoints: readonly CheckpointFacts[]): CompleteCheckpoint | null {
  return checkpoints.findLast((it): it is CompleteCheckpoint => it.state === 'complete') ?? null;
}

function nameOf({id, metadata}: CheckpointFacts): string {
  return metadata?.kind === 'savepoint' ? `savepoint ${id}` : `chk-${id}`;
}
