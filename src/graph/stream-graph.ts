// The operators of a job as written, and how records go between them. Plain data.

import {usedSourceColumns} from './used-columns.ts';
import {must} from '../base/assert.ts';
import type {OperatorUid} from '../base/ids.ts';
import type {JobSpec, StateTtl, StepSpec} from '../job/job-spec.ts';
import type {Schema} from '../records/schema.ts';

export type Partitioning =
  /** Subtask i to subtask i. */
  | {readonly kind: 'forward'}
  /** To each subtask in turn. */
  | {readonly kind: 'rebalance'}
  /** To every subtask. */
  | {readonly kind: 'broadcast'}
  /** By the key group of these columns. */
  | {readonly kind: 'hash'; readonly columns: readonly string[]};

export interface StreamNode {
  readonly uid: OperatorUid;
  readonly kind: 'source' | 'step' | 'sink';
  /** As in checkpoint metadata: `source:file`, `aggregate`, `sink:file`. */
  readonly type: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** Of its main output; of its input in a sink. */
  readonly schema: Schema;
  readonly stateful: boolean;
  /** How long its state lives; null: for ever, or it has none without a window. */
  readonly stateTtlMillis: number | null;
  /** Names of its side outputs. */
  readonly sideOutputs: readonly string[];
  /** Of a source: the columns that the job reads, in the order of the schema. Null in others. */
  readonly usedColumns: readonly string[] | null;
}

export interface StreamEdge {
  readonly source: OperatorUid;
  /** The uid of `source` for its main output, else the name of the side output. */
  readonly stream: string;
  readonly target: OperatorUid;
  /** Which input of `target`, from 0. */
  readonly input: number;
  readonly partitioning: Partitioning;
}

export interface StreamGraph {
  readonly jobName: string;
  /** Sources, steps, sinks; producers before their consumers. */
  readonly nodes: readonly StreamNode[];
  /** In the order of their targets, then of the targets' inputs. */
  readonly edges: readonly StreamEdge[];
}

export function buildStreamGraph(job: JobSpec): StreamGraph {
  return {jobName: job.name, nodes: buildNodes(job), edges: buildEdges(job)};
}

function buildNodes(job: JobSpec): StreamNode[] {
  const {parallelism, maxParallelism} = job;
  const used = usedSourceColumns(job);
  const sources = job.sources.map((source): StreamNode => ({
    uid: source.uid,
    kind: 'source',
    type: `source:${source.connector}`,
    parallelism,
    maxParallelism,
    schema: source.schema,
    stateful: true,
    stateTtlMillis: null,
    sideOutputs: source.sideOutputs.map((output) => output.name),
    usedColumns: must(used.get(source.uid), `used columns of ${source.uid}`),
  }));
  const steps = job.steps.map((step): StreamNode => ({
    uid: step.uid,
    kind: 'step',
    type: step.type,
    parallelism,
    maxParallelism,
    schema: step.schema,
    stateful: step.stateful,
    stateTtlMillis: (step.options['ttl'] as StateTtl | undefined)?.durationMillis ?? null,
    sideOutputs: step.sideOutputs.map((output) => output.name),
    usedColumns: null,
  }));
  const sinks = job.sinks.map((sink): StreamNode => ({
    uid: sink.uid,
    kind: 'sink',
    type: `sink:${sink.connector}`,
    parallelism,
    maxParallelism,
    schema: sink.schema,
    stateful: true,
    stateTtlMillis: null,
    sideOutputs: [],
    usedColumns: null,
  }));
  return [...sources, ...steps, ...sinks];
}

function buildEdges(job: JobSpec): StreamEdge[] {
  const producers = producersOf(job);
  const edge = (
    stream: string,
    target: OperatorUid,
    input: number,
    partitioning: Partitioning,
  ): StreamEdge => ({
    source: must(producers.get(stream), `producer of ${stream}`),
    stream,
    target,
    input,
    partitioning,
  });
  const intoSteps = job.steps.flatMap((step) =>
    step.inputs.map((stream, input) => edge(stream, step.uid, input, partitioningOf(step))),
  );
  const intoSinks = job.sinks.map((sink) => edge(sink.input, sink.uid, 0, {kind: 'forward'}));
  return [...intoSteps, ...intoSinks];
}

function partitioningOf({keyColumns, partitioning}: StepSpec): Partitioning {
  return keyColumns === null ? {kind: partitioning} : {kind: 'hash', columns: keyColumns};
}

/** Stream name → uid of the operator that makes it. */
function producersOf(job: JobSpec): ReadonlyMap<string, OperatorUid> {
  const producers = new Map<string, OperatorUid>();
  for (const {uid, sideOutputs} of [...job.sources, ...job.steps]) {
    producers.set(uid, uid);
    for (const output of sideOutputs) producers.set(output.name, uid);
  }
  return producers;
}
