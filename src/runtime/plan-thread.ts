// Makes the tasks of one thread from the execution graph: operators into chains, channels between them and to the
// other threads.

import {must} from '../base/assert.ts';
import type {Clock, Timers} from '../base/clock.ts';
import {keyGroupRangeOf} from '../base/key-groups.ts';
import type {JsonValue} from '../base/json.ts';
import {ChannelReader} from '../channels/channel-reader.ts';
import {ChannelWriter} from '../channels/channel-writer.ts';
import {MessageEncoder} from '../channels/message-encoder.ts';
import type {SubtaskMetadata} from '../checkpoint/checkpoint-metadata.ts';
import type {ConnectorContext, SinkConnector, SourceConnector} from '../connectors/connector.ts';
import {
  buildExecutionGraph,
  type ChainInput,
  type OperatorChain,
} from '../graph/execution-graph.ts';
import {buildStreamGraph, type StreamGraph} from '../graph/stream-graph.ts';
import {narrowSource, streamSchemas} from '../graph/stream-schemas.ts';
import type {SourceSpec, StepSpec} from '../job/job-spec.ts';
import type {JobMetrics} from '../metrics/job-metrics.ts';
import type {Operator, OperatorType} from '../operators/operator.ts';
import type {Schema} from '../records/schema.ts';
import {makeBackend, type BackendEnvironment} from './make-backend.ts';
import type {StateBackend} from '../state/state-backend.ts';
import {compatibilityState} from '../recovery/compatibility.ts';
import {ChainNode, NodeOutput} from './chain-node.ts';
import {channelKey, edgeKey} from '../graph/channel-key.ts';
import {Exchange} from './exchange.ts';
import {schemaJson} from '../state/in-flight.ts';
import {InputGate} from './input-gate.ts';
import {makePartitioner} from './make-partitioner.ts';
import {restoreInFlight, type GateEdge} from './restore-in-flight.ts';
import {takenOver} from './taken-over.ts';
import {RateLimit} from './rate-limit.ts';
import {sizeOfRows} from './shown-rows.ts';
import type {LocalChannel} from './local-channel.ts';
import {SinkOperator} from './sink-operator.ts';
import {SourceDriver} from './source-driver.ts';
import type {TaskLoop, ThreadPlan} from './task-loop.ts';
import type {Deployment, FromTask} from './task-messages.ts';
import {Task} from './task.ts';

/** What runs: by the names that job files use. */
export interface RuntimeCatalog {
  readonly sources: ReadonlyMap<string, SourceConnector>;
  readonly sinks: ReadonlyMap<string, SinkConnector>;
  readonly operators: ReadonlyMap<string, OperatorType>;
}

export interface ThreadEnvironment extends BackendEnvironment {
  readonly catalog: RuntimeCatalog;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly metrics: JobMetrics;
  /** Rings the bell of another thread. */
  readonly ring: (subtask: number) => void;
  readonly post: (message: FromTask) => void;
}

export function planThread(
  deployment: Deployment,
  loop: TaskLoop,
  environment: ThreadEnvironment,
): ThreadPlan {
  return new ThreadPlanner(deployment, loop, environment).plan();
}

class ThreadPlanner {
  readonly #deployment: Deployment;
  readonly #loop: TaskLoop;
  readonly #environment: ThreadEnvironment;
  readonly #graph: StreamGraph;
  /** The ways out of each operator, by uid. */
  readonly #outputs = new Map<string, NodeOutput>();
  readonly #schemas: ReadonlyMap<string, Schema>;
  readonly #tasks = new Map<string, Task>();
  readonly #edges: GateEdge[] = [];
  readonly #backends: StateBackend[] = [];

  constructor(deployment: Deployment, loop: TaskLoop, environment: ThreadEnvironment) {
    this.#deployment = deployment;
    this.#loop = loop;
    this.#environment = environment;
    this.#graph = buildStreamGraph(deployment.job);
    this.#schemas = streamSchemas(deployment.job);
  }

  plan(): ThreadPlan {
    for (const chain of buildExecutionGraph(this.#graph).chains) this.#addChain(chain);
    return {
      tasks: [...this.#tasks.values()],
      backends: this.#backends,
      restoreInFlight: async () =>
        restoreInFlight(this.#environment.files, this.#deployment, this.#edges),
    };
  }

  #addChain(chain: OperatorChain): void {
    const source = this.#deployment.job.sources.find(({uid}) => uid === chain.id);
    const task = this.#newTask(chain.id);
    this.#tasks.set(chain.id, task);
    if (source === undefined) this.#addGate(chain, task);
    else task.source = this.#makeSource(source);
    for (const edge of chain.edges) {
      this.#streamFan(edge.source, edge.stream).add(this.#addNode(edge.target, task));
    }
  }

  #newTask(headUid: string): Task {
    const {subtask} = this.#deployment;
    const {files, clock} = this.#environment;
    return new Task({
      id: `${headUid}/${subtask}`,
      headUid,
      subtask,
      listener: this.#loop,
      now: () => clock.monotonicMillis(),
      inFlight: {
        files,
        schemaOf: (edge): JsonValue =>
          schemaJson(must(this.#edges.find(({key}) => key === edge)?.schema, `schema of ${edge}`)),
      },
    });
  }

  /** The head of a chain behind channels. */
  #addGate(chain: OperatorChain, task: Task): void {
    const {subtask, job} = this.#deployment;
    const {clock, ring} = this.#environment;
    const gate = new InputGate({
      head: this.#addNode(chain.id, task),
      listener: this.#loop.listenTo(task),
      subtask,
      mode: job.checkpointing.mode,
      forcedAligned: chain.inputs.some(({partitioning}) => partitioning.kind === 'broadcast'),
      downstreamOpen: () => task.open,
      ring,
      now: () => clock.monotonicMillis(),
    });
    task.gate = gate;
    for (const input of chain.inputs) this.#addInput(input, chain, gate, task);
  }

  #addInput(input: ChainInput, chain: OperatorChain, gate: InputGate, target: Task): void {
    const key = edgeKey(input, chain.id);
    const schema = must(this.#schemas.get(input.stream), `schema of ${input.stream}`);
    const {partitioning} = input;
    const upstream = must(this.#tasks.get(input.sourceChain), input.sourceChain);
    const fan = this.#streamFan(input.source, input.stream);
    const local = gate.addLocalChannel(key, new MessageEncoder(schema));
    this.#edges.push({key, schema, partitioning, gate});
    if (partitioning.kind === 'forward' || this.#deployment.job.parallelism === 1) {
      fan.add(local);
      upstream.calls.push({channel: local, target});
      return;
    }
    const exchange = this.#makeExchange(input, key, schema, local);
    fan.add(exchange);
    upstream.exchanges.push({exchange, target});
    const {subtask, job, memory} = this.#deployment;
    for (let from = 0; from < job.parallelism; from += 1) {
      if (from === subtask) continue;
      const buffer = must(memory.rings[channelKey(key, from, subtask)], `ring of ${key}`);
      gate.addRemoteChannel(key, from, new ChannelReader(buffer, schema));
    }
  }

  #makeExchange(
    {partitioning}: ChainInput,
    key: string,
    schema: Schema,
    local: LocalChannel,
  ): Exchange {
    const {subtask, job, memory} = this.#deployment;
    const {parallelism, maxParallelism} = job;
    return new Exchange({
      edge: key,
      subtask,
      partitioner: makePartitioner(partitioning, {schema, parallelism, maxParallelism, subtask}),
      writers: Array.from({length: parallelism}, (_, to) => {
        if (to === subtask) return null;
        const buffer = must(memory.rings[channelKey(key, subtask, to)], `ring of ${key}`);
        return new ChannelWriter(buffer, schema);
      }),
      local,
      ring: this.#environment.ring,
      mayOvertake: partitioning.kind !== 'broadcast',
    });
  }

  #streamFan(uid: string, stream: string): ReturnType<NodeOutput['side']> {
    const output = must(this.#outputs.get(uid), `output of ${uid}`);
    return stream === uid ? output.main : output.side(stream);
  }

  #addNode(uid: string, task: Task): ChainNode {
    const output = new NodeOutput();
    this.#outputs.set(uid, output);
    const step = this.#deployment.job.steps.find((candidate) => candidate.uid === uid);
    const facets = step?.stateFacets ?? null;
    const node = new ChainNode(uid, output, {
      description: facets === null ? [] : [compatibilityState(facets)],
      stateful: step?.stateful === true,
      inputEnded: step?.stateful === true && this.#takenOver(step).inputEnded,
    });
    if (step === undefined) {
      const sink = this.#makeSink(uid);
      task.sinks.push(sink);
      node.attach(sink);
    } else node.attach(this.#makeStep(step, output));
    task.nodes.push(node);
    return node;
  }

  #makeStep(step: StepSpec, output: NodeOutput): Operator {
    const {job, subtask, restored} = this.#deployment;
    const {catalog, metrics, clock} = this.#environment;
    const inputs = step.inputs.map((name) => must(this.#schemas.get(name), `schema of ${name}`));
    const type = must(catalog.operators.get(step.type), `operator ${step.type}`);
    const context = {
      uid: step.uid,
      subtask,
      parallelism: job.parallelism,
      maxParallelism: job.maxParallelism,
      keyGroups: keyGroupRangeOf(subtask, job.parallelism, job.maxParallelism),
      restored: step.stateful ? this.#takenOver(step).subtasks : this.#restoredOf(step.uid),
      restoredDirectory: restored?.directory ?? null,
    };
    const state = makeBackend(context, this.#deployment, this.#environment);
    this.#backends.push(state);
    return type.create({
      context: {...context, output, metrics, state, clock},
      options: step.options,
      inputs,
      schema: step.schema,
    });
  }

  #makeSink(uid: string): SinkOperator {
    const sink = must(
      this.#deployment.job.sinks.find((candidate) => candidate.uid === uid),
      `sink ${uid}`,
    );
    const connector = must(this.#environment.catalog.sinks.get(sink.connector), sink.connector);
    const writer = connector.create(sink, this.#connectorContext(uid));
    return new SinkOperator({
      uid,
      type: `sink:${sink.connector}`,
      subtask: this.#deployment.subtask,
      writer,
      wake: () => this.#loop.wake(),
      failed: (error) => this.#loop.fail(error),
    });
  }

  #makeSource(source: SourceSpec): SourceDriver {
    const {catalog, clock} = this.#environment;
    const limit = this.#deployment.rateLimits.get(source.uid);
    const output = new NodeOutput();
    this.#outputs.set(source.uid, output);
    const node = must(
      this.#graph.nodes.find(({uid}) => uid === source.uid),
      `node ${source.uid}`,
    );
    const narrowed = narrowSource(source, must(node.usedColumns, 'columns of a source'));
    const connector = must(catalog.sources.get(source.connector), source.connector);
    return new SourceDriver({
      uid: source.uid,
      type: `source:${source.connector}`,
      subtask: this.#deployment.subtask,
      reader: connector.create(narrowed, this.#connectorContext(source.uid)),
      output,
      rateLimit:
        source.rateLimit === null || limit === undefined
          ? null
          : new RateLimit(source.rateLimit, limit),
      clock,
      deadLetters: source.sideOutputs[0] ?? null,
      wake: () => this.#loop.wake(),
      failed: (error) => this.#loop.fail(error),
    });
  }

  #connectorContext(uid: string): ConnectorContext {
    const {job, subtask, lineage, generation, sharedSplits} = this.#deployment;
    const {files, clock, timers, metrics, post} = this.#environment;
    const {shownRows} = this.#loop;
    return {
      uid,
      subtask,
      parallelism: job.parallelism,
      files,
      clock,
      timers,
      metrics,
      jobDirectory: job.directory,
      jobName: job.name,
      lineage,
      generation,
      restored: this.#restoredOf(uid),
      sharedSplits: sharedSplits.get(uid) ?? null,
      warn: (message) => post({kind: 'warning', message: `${uid}: ${message}`}),
      showRows: (rows) => {
        shownRows.sent(sizeOfRows(rows));
        post({kind: 'rows', sink: uid, rows});
      },
      rowsFlow: (): Promise<void> | null => shownRows.flow(),
    };
  }

  /** Of a keyed step: what belongs to this subtask's key groups. */
  #takenOver({uid, keyColumns}: StepSpec): ReturnType<typeof takenOver> {
    const {job, subtask} = this.#deployment;
    const {parallelism, maxParallelism} = job;
    return takenOver({
      restored: this.#restoredOf(uid),
      keyGroups: keyGroupRangeOf(subtask, parallelism, maxParallelism),
      maxParallelism,
      global: keyColumns?.length === 0,
    });
  }

  #restoredOf(uid: string): readonly SubtaskMetadata[] {
    const operators = this.#deployment.restored?.metadata.operators ?? [];
    const subtasks = operators.find((operator) => operator.uid === uid)?.subtasks ?? [];
    // In-flight data lies with the head of a chain and belongs to an edge.
    return subtasks.map((subtask) => ({
      ...subtask,
      states: subtask.states.filter(({kind}) => kind !== 'channel'),
    }));
  }
}
