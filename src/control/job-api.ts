// The endpoints of one job: Flink's paths, bodies and statuses, and under `/tidemark` the same things whole, for the
// client of this room.

import {EngineError} from '../base/errors.ts';
import type {JsonValue} from '../base/json.ts';
import {shellWord} from '../base/shell-word.ts';
import type {JobView} from '../runtime/job-view.ts';
import {BodyFields, requireNoFields} from './body-fields.ts';
import {
  checkpointConfig,
  checkpointEntry,
  checkpointStatistics,
  checkpointSubtasks,
} from './flink-checkpoints.ts';
import {
  clusterConfig,
  clusterOverview,
  flinkStateOf,
  jobConfig,
  jobDetails,
  jobExceptions,
  jobOverview,
  jobPlan,
} from './flink-views.ts';
import {HttpError, type ControlReply, type ControlRequest} from './http-shell.ts';
import type {JobCommands, SavepointFormat, StopRequest} from '../runtime/job-commands.ts';
import type {Operations} from './operations.ts';
import {prometheusText} from './prometheus.ts';
import {pruneOrderOf} from './prune-order.ts';
import {whyNotReady} from './readiness.ts';
import {
  errorOf,
  failureOf,
  type TriggerEntry,
  type TriggerKind,
  type TriggerOutcome,
} from './trigger-journal.ts';

export interface JobApiOptions {
  readonly view: () => JobView;
  readonly commands: JobCommands;
  readonly operations: Operations;
  /** Deletes a savepoint's directory. */
  readonly dispose: (path: string) => Promise<void>;
  readonly version: string;
}

const FORMATS = ['CANONICAL', 'NATIVE'] as const;
const EXCEPTIONS_DEFAULT = 20;

export class JobApi {
  readonly #options: JobApiOptions;

  constructor(options: JobApiOptions) {
    this.#options = options;
  }

  async handle(request: ControlRequest): Promise<ControlReply> {
    return this.#route(request);
  }

  #route(request: ControlRequest): ControlReply | Promise<ControlReply> {
    const {method, path} = request;
    const [head = '', ...rest] = path;
    switch (`${method} ${head}`) {
      case 'GET overview':
        return this.#leaf(rest, () => clusterOverview(this.#options.view(), this.#options.version));
      case 'GET config':
        return this.#leaf(rest, () => clusterConfig(this.#options.version));
      case 'GET metrics':
        return this.#metrics(rest);
      case 'GET healthz':
        return this.#leaf(rest, () => ({status: 'ok'}));
      case 'GET readyz':
        return this.#ready(rest);
      case 'GET jobs':
      case 'POST jobs':
      case 'PATCH jobs':
        return this.#jobs(request, rest);
      case 'POST savepoint-disposal':
        return this.#dispose(request, rest);
      case 'GET savepoint-disposal':
        return this.#pollDisposal(rest);
      case 'GET tidemark':
        return this.#own(rest);
      case 'POST tidemark':
        return rest.join('/') === 'prune' ? this.#prune(request) : this.#setHold(request, rest);
      default:
        throw notFound(request);
    }
  }

  #leaf(rest: readonly string[], make: () => object): ControlReply {
    if (rest.length > 0) throw new HttpError(404, 'Not found.');
    return ok(make());
  }

  #metrics(rest: readonly string[]): ControlReply {
    if (rest.length > 0) throw new HttpError(404, 'Not found.');
    const body = prometheusText(this.#options.view());
    return {status: 200, body, contentType: 'text/plain; version=0.0.4; charset=utf-8'};
  }

  /** Running, and a checkpoint newer than three intervals. */
  #ready(rest: readonly string[]): ControlReply {
    if (rest.length > 0) throw new HttpError(404, 'Not found.');
    const reason = whyNotReady(this.#options.view());
    // Never 503: Flink's client would ask for a minute.
    return reason === null ? ok({status: 'ready'}) : {status: 500, body: {errors: [reason]}};
  }

  #jobs(request: ControlRequest, rest: readonly string[]): ControlReply {
    const {view} = this.#options;
    const [jobId, ...below] = rest;
    if (jobId === undefined) {
      if (request.method === 'GET') {
        const {jobId: id, state} = view();
        return ok({jobs: [{id, status: flinkStateOf(state)}]});
      }
      throw new HttpError(
        400,
        'This is one tidemark job, not a cluster: it takes no jar. Start a job with `tidemark run JOB.yaml`.',
      );
    }
    if (jobId === 'overview' && below.length === 0 && request.method === 'GET') {
      return ok({jobs: [jobOverview(view())]});
    }
    if (jobId !== view().jobId) return unknownJob(request, jobId, below);
    switch (request.method) {
      case 'GET':
        return this.#read(request, below);
      case 'POST':
        return this.#trigger(request, below);
      default:
        return this.#cancel(request, below);
    }
  }

  #read(request: ControlRequest, below: readonly string[]): ControlReply {
    const view = this.#options.view();
    switch (below.join('/')) {
      case '':
        return ok(jobDetails(view));
      case 'status':
        return ok({status: flinkStateOf(view.state)});
      case 'config':
        return ok(jobConfig(view));
      case 'plan':
        return ok({plan: jobPlan(view)});
      case 'exceptions':
        return ok(jobExceptions(view, maxExceptionsOf(request)));
      case 'checkpoints':
        return ok(checkpointStatistics(view.checkpoints));
      case 'checkpoints/config':
        return ok(checkpointConfig(view));
    }
    return this.#readBelow(request, view, below);
  }

  #readBelow(request: ControlRequest, view: JobView, below: readonly string[]): ControlReply {
    const [first, second, third, fourth, fifth] = below;
    if (first === 'checkpoints' && second === 'details' && third !== undefined) {
      const entry = checkpointOf(view, third);
      if (below.length === 3) return ok(checkpointEntry(entry, true));
      if (fourth === 'subtasks' && fifth !== undefined && below.length === 5) {
        const detail = checkpointSubtasks(entry, fifth);
        if (detail !== null) return ok(detail);
        throw new HttpError(404, `There is no vertex ${fifth} in checkpoint ${entry.id}.`);
      }
    }
    if (second !== undefined && below.length === 2) {
      if (first === 'savepoints') return this.#poll(second, ['savepoint', 'stop']);
      if (first === 'checkpoints') return this.#poll(second, ['checkpoint']);
    }
    throw notFound(request);
  }

  #trigger(request: ControlRequest, below: readonly string[]): ControlReply {
    switch (below.join('/')) {
      case 'savepoints':
        return this.#savepoint(request);
      case 'stop':
        return this.#stop(request);
      case 'checkpoints':
        return this.#checkpoint(request);
      default:
        throw notFound(request);
    }
  }

  #savepoint({body}: ControlRequest): ControlReply {
    const fields = new BodyFields(body, [
      'target-directory',
      'cancel-job',
      'formatType',
      'triggerId',
    ]);
    const directory = fields.directory('target-directory');
    const format = formatOf(fields);
    const target = {directory, format};
    this.#requireTarget(directory, 'target-directory', 'savepoint');
    const triggerId = fields.text('triggerId');
    const {commands} = this.#options;
    if (fields.flag('cancel-job')) {
      return this.#stopWith({drain: false, savepoint: target}, triggerId);
    }
    return this.#begin('savepoint', target, triggerId, async () => ({
      kind: 'savepoint',
      savepoint: await commands.takeSavepoint(target),
    }));
  }

  #stop({body}: ControlRequest): ControlReply {
    // `noSavepoint` is ours: Flink always takes one.
    const known = ['targetDirectory', 'drain', 'formatType', 'triggerId', 'noSavepoint'];
    const fields = new BodyFields(body, known);
    const directory = fields.directory('targetDirectory');
    const format = formatOf(fields);
    const noSavepoint = fields.flag('noSavepoint');
    if (!noSavepoint) this.#requireTarget(directory, 'targetDirectory', 'stop');
    const savepoint = noSavepoint ? null : {directory, format};
    return this.#stopWith({drain: fields.flag('drain'), savepoint}, fields.text('triggerId'));
  }

  #stopWith(stop: StopRequest, triggerId: string | null): ControlReply {
    const {commands} = this.#options;
    const request = {
      drain: stop.drain,
      savepoint: stop.savepoint === null ? null : {...stop.savepoint},
    };
    return this.#begin('stop', request, triggerId, async () => {
      const outcome = await commands.stop(stop);
      switch (outcome.kind) {
        case 'nothing-taken':
          return {kind: 'failed', failure: failureOf(outcome.error)};
        case 'taken-and-running':
          return {
            kind: 'taken-and-running',
            savepoint: outcome.savepoint,
            failure: failureOf(outcome.error),
          };
        case 'stopped':
          return outcome;
      }
    });
  }

  #checkpoint({body}: ControlRequest): ControlReply {
    const fields = new BodyFields(body, ['checkpointType', 'triggerId']);
    const type = fields.oneOf(
      'checkpointType',
      ['CONFIGURED', 'FULL', 'INCREMENTAL'] as const,
      'CONFIGURED',
    );
    if (type === 'INCREMENTAL') {
      throw new HttpError(
        500,
        'An incremental checkpoint cannot be asked for: CONFIGURED or FULL.',
      );
    }
    const full = type === 'FULL';
    const {commands} = this.#options;
    return this.#begin('checkpoint', {full}, fields.text('triggerId'), async () => ({
      kind: 'checkpoint',
      checkpoint: await commands.takeCheckpoint({full}),
    }));
  }

  #begin(
    kind: TriggerKind,
    request: JsonValue | object,
    triggerId: string | null,
    work: () => Promise<TriggerOutcome>,
  ): ControlReply {
    const asked = {kind, request: request as JsonValue, triggerId};
    const id = this.#options.operations.start(asked, work);
    return {status: kind === 'disposal' ? 200 : 202, body: {'request-id': id}};
  }

  /** An object for a failure would have to be a serialized Java exception: it is an HTTP error instead. */
  #poll(triggerId: string, kinds: readonly TriggerKind[]): ControlReply {
    const entry = this.#options.operations.look(triggerId);
    if (entry === null || !kinds.includes(entry.kind)) {
      throw new HttpError(404, `There is no operation under ${triggerId}.`);
    }
    const {outcome} = entry;
    if (outcome === null) return ok({status: {id: 'IN_PROGRESS'}, operation: null});
    return ok({status: {id: 'COMPLETED'}, operation: operationOf(entry, outcome)});
  }

  #cancel(request: ControlRequest, below: readonly string[]): ControlReply {
    if (below.length > 0) throw notFound(request);
    const mode = request.query.get('mode') ?? 'cancel';
    if (mode !== 'cancel') {
      throw new HttpError(
        400,
        `mode=${mode.slice(0, 32)}: only cancel is known; POST /jobs/:id/stop stops a job`,
      );
    }
    requireNoFields(request.body);
    // Answered at once, as Flink does; how it ends is the job's state.
    void this.#options.commands.cancel().catch(() => undefined);
    return {status: 202, body: {}};
  }

  #dispose({body}: ControlRequest, rest: readonly string[]): ControlReply {
    if (rest.length > 0) throw new HttpError(404, 'Not found.');
    const fields = new BodyFields(body, ['savepoint-path', 'triggerId']);
    const path = fields.directory('savepoint-path');
    if (path === null) throw new HttpError(400, 'savepoint-path is missing');
    const {dispose} = this.#options;
    return this.#begin('disposal', {path}, fields.text('triggerId'), async () => {
      await dispose(path);
      return {kind: 'disposed'};
    });
  }

  #pollDisposal(rest: readonly string[]): ControlReply {
    const [triggerId] = rest;
    if (triggerId === undefined || rest.length > 1) throw new HttpError(404, 'Not found.');
    return this.#poll(triggerId, ['disposal']);
  }

  async #setHold({body}: ControlRequest, rest: readonly string[]): Promise<ControlReply> {
    if (rest.join('/') !== 'holds') throw new HttpError(404, 'Not found.');
    const fields = new BodyFields(body, ['checkpointId', 'held']);
    const checkpointId = fields.count('checkpointId');
    const held = fields.flag('held');
    await this.#options.commands.setHold(checkpointId, held);
    return ok({checkpointId, held});
  }

  async #prune({body}: ControlRequest): Promise<ControlReply> {
    return ok(await this.#options.commands.prune(pruneOrderOf(body)));
  }

  #requireTarget(directory: string | null, property: string, command: string): void {
    const {config, name} = this.#options.view();
    if (directory !== null || config.savepointDirectory !== null) return;
    const where = command === 'stop' ? '--savepoint-path DIR' : 'DIR';
    const hint = `say where the savepoint goes: tidemark ${command} ${shellWord(name)} ${where}`;
    throw new HttpError(
      400,
      `Config key [execution.checkpointing.savepoint-dir] is not set. Property [${property}] must be provided.`,
      {
        cause: new EngineError(
          'USAGE',
          'the job has no savepoint-dir, and no directory was named',
          {hint},
        ),
      },
    );
  }

  #own(rest: readonly string[]): ControlReply {
    const [what, triggerId] = rest;
    if (what === 'view' && rest.length === 1) return ok(this.#options.view());
    if (what === 'triggers' && triggerId !== undefined && rest.length === 2) {
      const entry = this.#options.operations.look(triggerId);
      if (entry === null) throw new HttpError(404, `There is no operation under ${triggerId}.`);
      return ok(entry);
    }
    throw new HttpError(404, 'Not found.');
  }
}

function ok(body: object): ControlReply {
  return {status: 200, body};
}

function notFound({method, path}: ControlRequest): HttpError {
  return new HttpError(404, `Not found: ${method} /${path.join('/').slice(0, 256)}`);
}

/** Flink accepts the request for a job that it does not know, and says so when it is asked how it went. */
function unknownJob(
  {method}: ControlRequest,
  jobId: string,
  below: readonly string[],
): ControlReply {
  const isTrigger =
    method === 'POST' && ['savepoints', 'stop', 'checkpoints'].includes(below.join('/'));
  if (isTrigger && /^[0-9a-f]{32}$/.test(jobId)) {
    return {status: 202, body: {'request-id': jobId}};
  }
  throw new HttpError(404, `Job could not be found: ${jobId.slice(0, 64)}`);
}

function formatOf(fields: BodyFields): SavepointFormat {
  const word = fields.oneOf('formatType', FORMATS, 'CANONICAL');
  return word === 'NATIVE' ? 'native' : 'canonical';
}

function operationOf(entry: TriggerEntry, outcome: TriggerOutcome): object {
  switch (outcome.kind) {
    case 'savepoint':
      return {location: locationOf(outcome.savepoint.path)};
    case 'stopped':
      // Without a savepoint there is no location to tell.
      return outcome.savepoint === null ? {} : {location: locationOf(outcome.savepoint.path)};
    case 'checkpoint':
      return {checkpointId: outcome.checkpoint.id};
    case 'disposed':
      return {};
    case 'taken-and-running': {
      const {path} = outcome.savepoint;
      throw new HttpError(
        500,
        `The savepoint ${path} was taken, but the job goes on: ${outcome.failure.message}`,
        {cause: errorOf(outcome.failure, {path, triggerId: entry.triggerId})},
      );
    }
    case 'failed':
      throw new HttpError(
        outcome.failure.code === 'NOT_FOUND' ? 404 : 500,
        outcome.failure.message,
        {cause: errorOf(outcome.failure, {triggerId: entry.triggerId})},
      );
  }
}

/** As Flink writes it. */
function locationOf(path: string): string {
  return `file:${path}`;
}

function checkpointOf(view: JobView, text: string): JobView['checkpoints']['history'][number] {
  const {history, latest} = view.checkpoints;
  const known = [...history, latest.completed, latest.savepoint, latest.failed];
  const id = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  const entry = known.find((each) => each?.id === id) ?? null;
  if (entry === null) {
    throw new HttpError(
      404,
      `Could not find checkpoint ${text.slice(0, 32)}: it is too old or never was.`,
    );
  }
  return entry;
}

function maxExceptionsOf({query}: ControlRequest): number {
  const text = query.get('maxExceptions');
  if (text === null) return EXCEPTIONS_DEFAULT;
  if (!/^\d{1,6}$/.test(text)) throw new HttpError(400, 'maxExceptions must be a whole number');
  return Number(text);
}
