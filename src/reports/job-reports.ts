// What `validate`, `info` and `--dry-run` tell about a job file. Nothing here runs a job or writes.

import {resolve} from 'node:path';

import {adviceFacts} from './advice-facts.ts';
import {systemClock, systemTimers} from '../base/clock.ts';
import {EngineError, systemErrorCode, type ErrorCode} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import {
  compareWithJob,
  directoriesOf,
  lookAtSources,
  readJob,
  requireJob,
  startOf,
  withRecoveryKeys,
  type ResolveReference,
} from '../engine.ts';
import {buildExecutionGraph} from '../graph/execution-graph.ts';
import {renderDot, renderJson, renderMermaid, renderText} from '../graph/render-graph.ts';
import {buildStreamGraph} from '../graph/stream-graph.ts';
import {didYouMean} from '../job/closest.ts';
import type {JobSpec} from '../job/job-spec.ts';
import {RULES, canBeSwitchedOff, isRule} from '../job/rules.ts';
import type {RuleId} from '../job/rules.ts';
import {chooseVerifiedStart} from '../recovery/choose-verified-start.ts';
import {directoryFacts} from '../recovery/directory-facts.ts';
import {lastRun, type CompleteCheckpoint, type JobDirectoryFacts} from '../recovery/facts.ts';
import type {OperatorPlan as ComparedOperator} from '../recovery/plan-restore.ts';
import {verifyCheckpoint} from '../recovery/verify-checkpoint.ts';
import type {
  ClaimMode,
  Environment,
  JobOverrides,
  RunRequest,
  StartDecision,
} from '../runtime/run-types.ts';
import {requireDeadOwnerOf, requireUnclaimed} from '../runtime/claim-origin.ts';
import {judgeCommitted, ownPolicy, readCheckpoint} from '../runtime/start-job.ts';
import {requireNoOwner, requireUnused, type JudgeOptions} from '../storage/judge-owner.ts';
import {listCheckpoints} from '../storage/list-checkpoints.ts';
import {nodeFileSystem} from '../storage/node-file-system.ts';
import {judgeOpenToAll} from '../storage/open-to-all.ts';
import {jobDirectoryOf, JobPaths} from '../storage/paths.ts';
import {systemProcessTable} from '../storage/process-table.ts';
import {readHistory} from '../storage/read-history.ts';
import {requireFormat} from '../storage/take-over.ts';
import {positionsOf} from './source-positions.ts';

export interface OperatorPlan {
  readonly uid: string;
  readonly action: 'restore' | 'new' | 'drop' | 'refuse';
  /** Why; empty when nothing need be said. */
  readonly reason: string;
  readonly parallelismFrom: number | null;
  readonly parallelismTo: number | null;
}

/** What a start would do, without doing it. */
export interface RestorePlan {
  readonly decision: StartDecision;
  readonly reason: string;
  /** Null: fresh. */
  readonly from: string | null;
  readonly restorable: boolean;
  /** Why it is refused, beside what the operators say. */
  readonly refusals: readonly string[];
  /** How the start would fail, and what to do about it; null: it is possible. */
  readonly refusedAs: {readonly code: ErrorCode; readonly hint: string} | null;
  readonly operators: readonly OperatorPlan[];
  readonly sources: readonly {readonly operator: string; readonly position: JsonValue}[];
  /** The same for a person: where each source goes on, a line per split. */
  readonly positions: readonly {readonly operator: string; readonly at: readonly string[]}[];
  /** Who owns what is restored; null: nothing is. */
  readonly claimMode: ClaimMode | null;
}

export interface FileFinding {
  /** A page of `tidemark explain`. */
  readonly rule: RuleId;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** 1-based; null: the whole file. */
  readonly line: number | null;
  readonly column: number | null;
  readonly suggestion: string | null;
}

export interface ValidatedFile {
  /** Absolute. */
  readonly file: string;
  readonly jobName: string | null;
  readonly findings: readonly FileFinding[];
}

export interface ValidationReport {
  readonly files: readonly ValidatedFile[];
  readonly errors: number;
  readonly warnings: number;
}

export type GraphFormat = 'text' | 'json' | 'dot' | 'mermaid';

/** The execution graph, as an object for `json` and as text for the others. */
export type JobDescription =
  | {readonly format: 'json'; readonly graph: Readonly<Record<string, JsonValue>>}
  | {readonly format: Exclude<GraphFormat, 'json'>; readonly text: string};

export interface ValidateOptions {
  readonly overrides: JobOverrides;
  readonly environment: Environment;
  /** Rules whose warnings are not wanted, of any file. */
  readonly allow: readonly string[];
}

export async function validateFiles(
  files: readonly string[],
  options: ValidateOptions,
): Promise<ValidationReport> {
  for (const rule of options.allow) refuseUnlessWarning(rule);
  const allowed = new Set(options.allow);
  const validated = [];
  for (const file of files) {
    const one = await validateFile(file, options);
    const findings = one.findings.filter(
      ({severity, rule}) => severity === 'error' || !allowed.has(rule),
    );
    validated.push({...one, findings});
  }
  const findings = validated.flatMap((one) => one.findings);
  const errors = findings.filter(({severity}) => severity === 'error').length;
  return {files: validated, errors, warnings: findings.length - errors};
}

function refuseUnlessWarning(rule: string): void {
  if (!isRule(rule)) {
    const suggestion = didYouMean(rule, Object.keys(RULES));
    throw new EngineError('USAGE', `--allow ${rule}: there is no such rule`, {
      hint: suggestion ?? 'every rule: tidemark explain',
    });
  }
  if (canBeSwitchedOff(rule)) return;
  throw new EngineError('USAGE', `--allow ${rule}: it is an error, which cannot be switched off`, {
    hint: `tidemark explain ${rule}`,
  });
}

async function validateFile(
  file: string,
  {overrides, environment}: ValidateOptions,
): Promise<ValidatedFile> {
  try {
    const loaded = await readJob(file, overrides, environment);
    if (loaded.kind === 'invalid') {
      return {file: resolve(file), jobName: null, findings: loaded.findings};
    }
    const findings = loaded.advise(await adviceFacts(nodeFileSystem, loaded.job));
    return {file: resolve(file), jobName: loaded.job.name, findings};
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const finding: FileFinding = {
      rule: error.code === 'NOT_FOUND' ? 'file-missing' : 'file-unreadable',
      severity: 'error',
      message: error.message,
      line: null,
      column: null,
      suggestion: error.details.hint ?? null,
    };
    return {file: resolve(file), jobName: null, findings: [finding]};
  }
}

export async function describeJob(
  file: string,
  options: {
    readonly format: GraphFormat;
    readonly overrides: JobOverrides;
    readonly environment: Environment;
  },
): Promise<JobDescription> {
  const {format, overrides, environment} = options;
  const {job} = await requireJob({file, overrides, environment});
  const graph = buildStreamGraph(job);
  const execution = buildExecutionGraph(graph);
  switch (format) {
    case 'json':
      return {format, graph: renderJson(graph, execution)};
    case 'text':
      return {format, text: renderText(graph, execution)};
    case 'dot':
      return {format, text: renderDot(graph, execution)};
    case 'mermaid':
      return {format, text: renderMermaid(graph, execution)};
  }
}

/** Who owns a directory is judged as a start does. */
const JUDGE: JudgeOptions = {
  files: nodeFileSystem,
  clock: systemClock,
  timers: systemTimers,
  processes: systemProcessTable,
};

/** A lineage that has not begun has no output. */
const NEW_LINEAGE = '';

const TOLD_IN_THE_PLAN: ReadonlySet<ErrorCode> = new Set([
  'OUTPUT_AHEAD',
  'REFUSED',
  'SOURCE_LOST_DATA',
  'INCOMPATIBLE',
  'NOT_FOUND',
]);

/** What a start would do. Takes no generation, so another process may change what it says. */
export async function planStart(
  asked: RunRequest,
  resolveReference: ResolveReference,
): Promise<RestorePlan> {
  const request = withRecoveryKeys(asked);
  const {job} = await requireJob(request);
  const directory = jobDirectoryOf(job.checkpointing.directory, job.name);
  const paths = new JobPaths(directory);
  await requireFormat(nodeFileSystem, paths);
  if (!request.takeOver) await requireNoOwner(JUDGE, paths);
  const start = await startOf(request, job, resolveReference);
  await judgeOpenToAll(nodeFileSystem, directoriesOf(job, start), {
    strict: request.strict === true,
    // A start says it; the plan is of what is refused.
    warn: () => undefined,
  });
  const facts = await readFacts(job);
  const origin = lastRun(facts)?.lineage.origin ?? null;
  const {decision, checkpoint} = await chooseVerifiedStart(
    {
      ...facts,
      running: null,
      origin:
        origin?.kind === 'checkpoint' ? await readCheckpoint(nodeFileSystem, origin.path) : null,
    },
    {
      start,
      onDamaged: request.onDamaged,
      allowDrained: request.allowDrained,
      restartCause: null,
      jobFile: request.file,
    },
    async (chosen) => verifyCheckpoint(nodeFileSystem, chosen),
  );
  if (decision.kind === 'refuse') {
    throw new EngineError(decision.code, decision.message, {hint: decision.hint});
  }
  await requireUnclaimed(nodeFileSystem, directory, facts, decision);
  await requireDeadOwnerOf(
    nodeFileSystem,
    {
      jobDirectory: directory,
      requireUnused: async (other: string) => requireUnused(JUDGE, other),
    },
    decision,
  );
  const own = ownPolicy(decision, NEW_LINEAGE, request.outputAhead);
  const call = request.call ?? null;
  const ahead =
    own === null || checkpoint === null
      ? null
      : await refusalOf(async () =>
          judgeCommitted({files: nodeFileSystem, job, facts, restored: checkpoint, own, call}),
        );
  const kind = decision.kind === 'finish-only' ? 'resumed' : decision.kind;
  const claimed = decision.kind === 'restored' && decision.claimed;
  const claimMode = checkpoint === null ? null : claimed ? 'claim' : 'no-claim';
  const against =
    decision.kind === 'finish-only'
      ? {...NOTHING_TAKEN, from: decision.checkpoint.path}
      : await planToRead(request, job, checkpoint);
  const plan = refusedToo(against, ahead);
  return {decision: kind, reason: decision.sentence, ...plan, claimMode};
}

/** What refuses a start besides its operators: output that is ahead or was withdrawn, a source that changed. Null: nothing. */
async function refusalOf(judge: () => Promise<unknown>): Promise<EngineError | null> {
  try {
    await judge();
    return null;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (!TOLD_IN_THE_PLAN.has(error.code)) throw error;
    return error;
  }
}

/** A start compares the operators first: what refuses them decides how it fails. */
function refusedToo(plan: PlanAgainst, refusal: EngineError | null): PlanAgainst {
  if (refusal === null) return plan;
  const {code, message, details} = refusal;
  const own = {code, hint: details.hint ?? ''};
  return {
    ...plan,
    restorable: false,
    refusals: [...plan.refusals, message],
    refusedAs:
      plan.refusedAs === null
        ? own
        : {...plan.refusedAs, hint: `${plan.refusedAs.hint}; ${own.hint}`},
  };
}

/** Would the job in `file` go on from `checkpoint`? What lies in its own directory is not asked about. */
export async function planFor(
  file: string,
  checkpoint: CompleteCheckpoint,
  environment: Environment,
): Promise<RestorePlan> {
  const {job} = await requireJob({file, overrides: {flink: [], set: []}, environment});
  const reason = `restored from checkpoint ${checkpoint.id}`;
  const plan = planAgainst({allowNonRestoredState: false}, job, checkpoint);
  return {decision: 'restored', reason, ...plan, claimMode: 'no-claim'};
}

async function readFacts(job: JobSpec): Promise<JobDirectoryFacts> {
  const paths = new JobPaths(jobDirectoryOf(job.checkpointing.directory, job.name));
  try {
    const history = await readHistory(nodeFileSystem, paths, Infinity);
    const listed = await listCheckpoints(nodeFileSystem, paths, job.name);
    return directoryFacts(job.name, history, listed);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return {jobName: job.name, generations: [], checkpoints: []};
  }
}

/** As a start: sources are looked at when the operators fit. */
async function planToRead(
  request: Pick<RunRequest, 'allowNonRestoredState'>,
  job: JobSpec,
  checkpoint: CompleteCheckpoint | null,
): Promise<PlanAgainst> {
  const plan = planAgainst(request, job, checkpoint);
  if (!plan.restorable) return plan;
  return refusedToo(plan, await refusalOf(async () => lookAtSources(job, checkpoint)));
}

type PlanAgainst = Omit<RestorePlan, 'decision' | 'reason' | 'claimMode'>;

/** Of a start that only commits what is left of the last run: no operator begins, so that an edit of the job is in nobody's way. */
const NOTHING_TAKEN = {
  ...{restorable: true, refusals: [], refusedAs: null},
  ...{operators: [], sources: [], positions: []},
};

function planAgainst(
  request: Pick<RunRequest, 'allowNonRestoredState'>,
  job: JobSpec,
  checkpoint: CompleteCheckpoint | null,
): PlanAgainst {
  if (checkpoint === null) {
    const operators = buildStreamGraph(job).nodes.map(({uid}) =>
      toOperator(job, null, {uid, action: 'new', reason: 'the job starts fresh'}),
    );
    const none = {refusals: [], refusedAs: null, sources: [], positions: []};
    return {from: null, restorable: true, operators, ...none};
  }
  const plan = compareWithJob(request, job, checkpoint.metadata);
  const sources = checkpoint.metadata.operators.flatMap(({uid, subtasks}) =>
    subtasks
      .flatMap(({states}) => states)
      .flatMap((state) =>
        state.kind === 'position' ? [{operator: uid, position: state.value}] : [],
      ),
  );
  const operators = plan.operators.map((operator) => {
    const reason = reasonOf(operator);
    const action = operator.action === 'gone' ? 'drop' : operator.action;
    return toOperator(job, checkpoint, {uid: operator.uid, action, reason});
  });
  const restorable = plan.kind === 'restore';
  const refusals = plan.kind === 'restore' ? [] : plan.general;
  const refusedAs = plan.kind === 'restore' ? null : {code: plan.code, hint: plan.hint};
  const positions = positionsOf(checkpoint.metadata);
  return {from: checkpoint.path, restorable, refusals, refusedAs, operators, sources, positions};
}

function toOperator(
  job: JobSpec,
  checkpoint: CompleteCheckpoint | null,
  plan: Pick<OperatorPlan, 'uid' | 'action' | 'reason'>,
): OperatorPlan {
  const stored = checkpoint?.metadata.operators.find(({uid}) => uid === plan.uid);
  const stays = plan.action === 'restore' || plan.action === 'new';
  return {
    ...plan,
    parallelismFrom: stored?.parallelism ?? null,
    parallelismTo: stays ? job.parallelism : null,
  };
}

function reasonOf(operator: ComparedOperator): string {
  switch (operator.action) {
    case 'restore':
      return [...operator.notes, ...leftBehind(operator.dropped)].join('; ');
    case 'new':
      return 'not in the checkpoint: it starts empty';
    case 'gone':
      return 'not in the job any more; it had no state';
    case 'drop':
      return leftBehind(operator.what).join('');
    case 'refuse':
      return operator.reasons.join('; ');
  }
}

function leftBehind(what: readonly string[]): readonly string[] {
  return what.length === 0 ? [] : [`left behind: ${what.join(', ')}`];
}
