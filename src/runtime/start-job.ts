// From a taken generation to the point where tasks can be deployed, in this order: read the facts, choose,
// verify every byte of what was chosen, look for output ahead, let every sink refuse, claim or hold what it begins
// from, record the lineage, settle. Dying anywhere in between leaves a directory from which the next run does the same.

import {EngineError} from '../base/errors.ts';
import {failpoint} from '../base/failpoint.ts';
import {newLineageId} from '../base/ids.ts';
import type {Random} from '../base/random.ts';
import {shellWord} from '../base/shell-word.ts';
import type {CheckpointMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {JobSpec} from '../job/job-spec.ts';
import type {StartRequest} from '../recovery/choose-start.ts';
import {chooseVerifiedStart} from '../recovery/choose-verified-start.ts';
import {checkpointFacts, directoryFacts} from '../recovery/directory-facts.ts';
import {
  lastRun,
  type CheckpointFacts,
  type CompleteCheckpoint,
  type JobDirectoryFacts,
  type LineageRecord,
  type OutputAheadPolicy,
} from '../recovery/facts.ts';
import {
  branchedBelow,
  epochsOf,
  judgeOutputAhead,
  withdrawnBelow,
} from '../recovery/output-ahead.ts';
import {
  lineageRecordOf,
  planSettlement,
  type SettlementPlan,
  type StartsWork,
} from '../recovery/plan-settlement.ts';
import {verifyCheckpoint, type VerifiedCheckpoint} from '../recovery/verify-checkpoint.ts';
import {deriveCheckpointState, statusOrNull} from '../storage/derive-checkpoint-state.ts';
import type {FileSystem} from '../storage/file-system.ts';
import type {UnusedDirectory} from '../storage/judge-owner.ts';
import type {Ownership} from '../storage/job-directory.ts';
import {baseName, join, parentOf, parseCheckpointName} from '../storage/paths.ts';
import {
  releaseOldOrigins,
  requireDeadOwnerOf,
  requireUnclaimed,
  takeOrigin,
} from './claim-origin.ts';
import {fencedInstead} from './fenced-instead.ts';
import {
  checkSinksFresh,
  committedParts,
  notFinal,
  removeLeftovers,
  removeOverwritten,
  requireFinal,
  settleStep,
  withdraw,
  withdrawnParts,
} from './settle-sinks.ts';

export interface StartOptions {
  readonly files: FileSystem;
  readonly random: Random;
  readonly job: JobSpec;
  readonly ownership: Ownership;
  readonly request: StartRequest;
  readonly outputAhead: OutputAheadPolicy;
  /** As of `RunRequest`. */
  readonly call: string | null;
  /** Checks that the job may start from it; throws INCOMPATIBLE with every reason. */
  readonly checkCompatible: (metadata: CheckpointMetadata) => void;
}

export interface JobStart {
  readonly decision: StartsWork;
  readonly record: LineageRecord;
  /** What the tasks restore; null: they begin empty. */
  readonly restored: CompleteCheckpoint | null;
  readonly facts: JobDirectoryFacts;
}

export async function startJob(options: StartOptions): Promise<JobStart> {
  try {
    return await begin(options);
  } catch (error) {
    throw await fencedInstead(options.ownership, error);
  }
}

async function begin(options: StartOptions): Promise<JobStart> {
  const {files, random, job, ownership} = options;
  const {decision, restored, facts} = await choose(options);
  if (restored !== null && decision.kind !== 'finish-only') {
    options.checkCompatible(restored.metadata);
  }
  failpoint('recovery.after-verify');
  const settlement = planSettlement(facts, decision, options.request);
  if (settlement.kind === 'refuse') {
    throw new EngineError(settlement.code, settlement.message, {hint: settlement.hint});
  }
  const claimed = await requireUnclaimed(files, ownership.jobDirectory, facts, decision);
  const newLineage = claimed ?? newLineageId(random);
  const ahead =
    restored === null ? null : aheadContext(options, facts, decision, restored, newLineage);
  // Only looks: a refusal leaves everything as it is, above all what a newer checkpoint prepared.
  if (ahead !== null) await judgeCommitted(ahead);
  const record = lineageRecordOf(decision, newLineage, options.outputAhead);
  const {lineage} = record;
  const earlierLineages = new Set(facts.generations.flatMap((it) => it.lineage?.lineage ?? []));
  earlierLineages.delete(lineage);
  // A refusal after the record would leave a run that crashed before without a way to resume it.
  if (settlement.requireFinal !== null) await requireFinal(files, settlement.requireFinal);
  if (decision.kind === 'restored') await refuseRemoved(options, facts, decision.checkpoint);
  if (restored === null) {
    await checkSinksFresh(files, job, {lineage, earlierLineages}, settlement.steps);
  }
  await takeOrigin(ownership, decision, record, await unusedAround(options, decision, claimed));
  failpoint('recovery.before-record');
  await ownership.beginLineage(record);
  await releaseOldOrigins(ownership, lineage);
  failpoint('recovery.before-settle');
  // Only now: the record says that they go, so that a run after a crash here does it again.
  if (ahead !== null) await withdrawAhead(options, settlement, ahead);
  for (const step of settlement.steps) {
    await settleStep(files, job, step, ownership.generation);
    if (step.mark !== null) await ownership.markSettled(step.mark);
  }
  if (restored === null) {
    await removeOverwritten(files, job, earlierLineages, async () => ownership.requireNewest());
  }
  return {decision, record, restored, facts};
}

/** `claimed`: by a run that died before it was recorded. Whoever lives there may have come before that claim. */
async function unusedAround(
  {files, ownership}: StartOptions,
  decision: StartsWork,
  claimed: string | null,
): Promise<UnusedDirectory | null> {
  try {
    return await requireDeadOwnerOf(files, ownership, decision);
  } catch (error) {
    if (claimed !== null && decision.kind === 'restored') {
      await ownership.withdrawClaim(decision.checkpoint.path, claimed);
    }
    throw error;
  }
}

/** Chooses, verifies, chooses again; what cannot be started is thrown. */
async function choose(options: StartOptions): Promise<{
  readonly decision: StartsWork;
  readonly restored: VerifiedCheckpoint | null;
  readonly facts: JobDirectoryFacts;
}> {
  const {files, job, ownership, request} = options;
  const history = await ownership.readHistory();
  const facts = directoryFacts(job.name, history, await ownership.listCheckpoints());
  const origin = lastRun(facts)?.lineage.origin ?? null;
  const chosen = await chooseVerifiedStart(
    {
      ...facts,
      running: null,
      origin: origin?.kind === 'checkpoint' ? await readCheckpoint(files, origin.path) : null,
    },
    request,
    async (checkpoint) => verifyCheckpoint(files, checkpoint),
  );
  const {decision, checkpoint} = chosen;
  if (decision.kind === 'refuse') {
    throw new EngineError(decision.code, decision.message, {
      hint: decision.hint,
      facts: {newest_good: decision.newestGood},
    });
  }
  return {decision, restored: checkpoint, facts: chosen.facts};
}

/** A checkpoint or savepoint by its directory; null: nothing is there. */
export async function readCheckpoint(
  files: FileSystem,
  path: string,
): Promise<CheckpointFacts | null> {
  const state = await deriveCheckpointState(files, path);
  // Asked for by name it is an answer, and not "nothing there".
  if (state.kind === 'foreign') {
    throw new EngineError(
      'INCOMPATIBLE',
      `${path} was written by Apache Flink: a job of tidemark cannot go on from it, because its state is in Java's serialized form`,
      {file: path, hint: `look at what is in it: tidemark checkpoint inspect ${shellWord(path)}`},
    );
  }
  const id = state.kind === 'complete' ? state.metadata.checkpointId : idInPath(path);
  return checkpointFacts(id, path, state);
}

/**
 * `path` of a checkpoint as the job directory calls it, if that is where it lies: it may have been reached through a link,
 * and whose it is, and whether it is held, goes by its name.
 */
export async function asOwnPath(
  files: FileSystem,
  jobDirectory: string,
  path: string,
): Promise<string> {
  // Behind a link, too: the last part is the directory's own entry.
  const [own, around] = await Promise.all([
    statusOrNull(files, join(jobDirectory, '.')),
    statusOrNull(files, join(parentOf(path), '.')),
  ]);
  const isOwn = own !== null && own.inode === around?.inode && own.device === around.device;
  return isOwn ? join(jobDirectory, baseName(path)) : path;
}

function idInPath(path: string): number {
  return parseCheckpointName(baseName(path)) ?? 0;
}

/** What is to be known of committed output of later epochs than the restored checkpoint. */
interface AheadContext {
  readonly files: FileSystem;
  readonly job: JobSpec;
  readonly facts: Pick<JobDirectoryFacts, 'generations'>;
  readonly restored: CompleteCheckpoint;
  readonly own: {readonly ownLineage: string; readonly policy: OutputAheadPolicy};
  readonly call: string | null;
}

/** Null: nothing can be ahead. */
function aheadContext(
  {files, job, outputAhead, call}: StartOptions,
  facts: JobDirectoryFacts,
  decision: StartsWork,
  restored: CompleteCheckpoint,
  newLineage: string,
): AheadContext | null {
  const own = ownPolicy(decision, newLineage, outputAhead);
  return own === null ? null : {files, job, facts, restored, own, call};
}

/**
 * First every temporary goes that the checkpoint did not prepare, so that a late commit of a process that
 * still lives finds nothing to link; what one linked meanwhile is seen now.
 */
async function withdrawAhead(
  {files, job, ownership}: StartOptions,
  settlement: Extract<SettlementPlan, {kind: 'settle'}>,
  context: AheadContext,
): Promise<void> {
  for (const step of settlement.steps) {
    if (step.why === 'restored-lineage' || step.why === 'descends-from-restored') {
      await removeLeftovers(files, job, step, ownership.generation);
    }
  }
  const ahead = await judgeCommitted(context);
  if (ahead.length > 0) await ownership.requireNewest();
  await withdraw(files, job, ownership.generation, ahead);
}

/**
 * Committed parts to be withdrawn; throws OUTPUT_AHEAD. Writes nothing. `own`: whose output is not ahead, and
 * what was decided about the rest.
 */
export async function judgeCommitted({
  files,
  job,
  facts,
  restored,
  own,
  call,
}: AheadContext): Promise<Awaited<ReturnType<typeof committedParts>>> {
  await refuseWithdrawn(files, job, restored);
  const judged = judgeOutputAhead({
    parts: await committedParts(files, job),
    restored: {lineage: restored.metadata.lineage, id: restored.id},
    lineages: facts.generations.flatMap(({lineage}) => lineage ?? []),
    ...own,
    call,
  });
  switch (judged.kind) {
    case 'none':
    case 'keep':
      return [];
    case 'withdraw':
      return judged.parts;
    case 'refuse':
      throw new EngineError(judged.code, judged.message, {
        hint: judged.hint,
        facts: {parts: judged.parts.map(({name}) => name)},
      });
  }
}

/** What it had prepared was removed uncommitted by a restore of an earlier checkpoint. */
async function refuseRemoved(
  {files}: StartOptions,
  {generations}: JobDirectoryFacts,
  {id, metadata}: CompleteCheckpoint,
): Promise<void> {
  const own = generations.filter(({lineage}) => lineage?.lineage === metadata.lineage);
  const lineages = generations.flatMap(({lineage}) => lineage ?? []);
  // Not settled yet: it is committed now, or that fails.
  if (own.at(-1)?.settled !== true) return;
  if (!branchedBelow(lineages, {lineage: metadata.lineage, id})) return;
  const missing = await notFinal(files, metadata);
  if (missing === null) return;
  throw new EngineError(
    'COMMIT_UNDECIDED',
    `checkpoint ${id} prepared ${missing}, which is not there: an earlier checkpoint was restored since, and what was not committed then was removed`,
    {
      hint: 'Restore an earlier checkpoint; or, if you took that file away yourself, put it back.',
      file: missing,
    },
  );
}

/** A restore of an earlier checkpoint took output away that this one counts as made. */
async function refuseWithdrawn(
  files: FileSystem,
  job: JobSpec,
  {id, metadata}: CompleteCheckpoint,
): Promise<void> {
  const missing = withdrawnBelow(await withdrawnParts(files, job), metadata);
  if (missing.length === 0) return;
  throw new EngineError(
    'REFUSED',
    `output up to checkpoint ${id} was withdrawn when an earlier checkpoint was restored (${epochsOf(missing)}); going on from ${id} would leave those rows out`,
    {
      hint: 'Move those files from .withdrawn/ back beside the others, or restore a checkpoint before them.',
      facts: {parts: missing.map(({name}) => name)},
    },
  );
}

/** Whose output is not ahead, and what was decided about the rest; null: nothing can be ahead. */
export function ownPolicy(
  decision: StartsWork,
  newLineage: string,
  policy: OutputAheadPolicy,
): {readonly ownLineage: string; readonly policy: OutputAheadPolicy} | null {
  switch (decision.kind) {
    case 'restored':
      return {ownLineage: newLineage, policy};
    case 'resumed': {
      const {lineage, outputAhead} = decision.record;
      if (decision.from.kind !== 'checkpoint-origin') return null;
      return {ownLineage: lineage, policy: outputAhead ?? 'refuse'};
    }
    case 'fresh':
    case 'finish-only':
      return null;
  }
}
