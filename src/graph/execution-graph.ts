// The stream graph as it runs: operators fused into chains wherever records need no repartitioning.
//
// An edge is chained, as in Flink, when it is `forward`, both ends have the same parallelism, and its
// target has no other input. Fan-out over such edges stays in the chain, so a chain is a tree whose
// root is its head; edges that repartition and operators with several inputs begin a chain of their own.

import type {Partitioning, StreamEdge, StreamGraph, StreamNode} from './stream-graph.ts';
import {assert, must} from '../base/assert.ts';
import type {OperatorUid} from '../base/ids.ts';

/** Channels from all subtasks of one chain into those of another. */
export interface ChainInput {
  /** The chain that the records come from. */
  readonly sourceChain: string;
  readonly source: OperatorUid;
  readonly stream: string;
  /** Which input of the head, from 0. */
  readonly input: number;
  readonly partitioning: Partitioning;
}

/** A call from one operator to the next inside a chain. */
export interface ChainEdge {
  readonly source: OperatorUid;
  readonly stream: string;
  readonly target: OperatorUid;
}

export interface OperatorChain {
  /** The head's uid. */
  readonly id: string;
  /** `flights -> late -> out` */
  readonly name: string;
  /** The head first, producers before their consumers. */
  readonly uids: readonly OperatorUid[];
  readonly edges: readonly ChainEdge[];
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** Empty: the head is a source. */
  readonly inputs: readonly ChainInput[];
}

export interface ExecutionGraph {
  readonly jobName: string;
  /** Producers before their consumers. */
  readonly chains: readonly OperatorChain[];
}

export function buildExecutionGraph(graph: StreamGraph): ExecutionGraph {
  const heads = new Map<OperatorUid, OperatorUid>();
  const members = new Map<OperatorUid, OperatorUid[]>();
  const incoming = edgesByTarget(graph.edges);
  const nodes = new Map(graph.nodes.map((node) => [node.uid, node]));
  for (const node of graph.nodes) {
    const edges = incoming.get(node.uid) ?? [];
    const chained = chainedEdge(node, edges, nodes);
    const head = chained === null ? node.uid : must(heads.get(chained.source), chained.source);
    heads.set(node.uid, head);
    if (chained === null) members.set(head, [node.uid]);
    else must(members.get(head), head).push(node.uid);
  }
  const chains = [...members].map(([head, uids]) => {
    const node = must(nodes.get(head), head);
    return buildChain(node, uids, incoming, heads);
  });
  return {jobName: graph.jobName, chains};
}

function edgesByTarget(
  edges: readonly StreamEdge[],
): ReadonlyMap<OperatorUid, readonly StreamEdge[]> {
  const byTarget = new Map<OperatorUid, StreamEdge[]>();
  for (const edge of edges) {
    const into = byTarget.get(edge.target);
    if (into === undefined) byTarget.set(edge.target, [edge]);
    else into.push(edge);
  }
  return byTarget;
}

/** The edge over which `node` joins its producer's chain; null: it is the head of one. */
function chainedEdge(
  node: StreamNode,
  edges: readonly StreamEdge[],
  nodes: ReadonlyMap<OperatorUid, StreamNode>,
): StreamEdge | null {
  const [edge] = edges;
  if (edges.length !== 1 || edge?.partitioning.kind !== 'forward') return null;
  const source = must(nodes.get(edge.source), edge.source);
  return source.parallelism === node.parallelism ? edge : null;
}

function buildChain(
  head: StreamNode,
  uids: readonly OperatorUid[],
  incoming: ReadonlyMap<OperatorUid, readonly StreamEdge[]>,
  heads: ReadonlyMap<OperatorUid, OperatorUid>,
): OperatorChain {
  assert(uids[0] === head.uid, `the chain of ${head.uid} begins with its head`);
  const inputs = (incoming.get(head.uid) ?? []).map(
    ({source, stream, input, partitioning}): ChainInput => ({
      sourceChain: must(heads.get(source), source),
      source,
      stream,
      input,
      partitioning,
    }),
  );
  const edges = uids
    .slice(1)
    .flatMap((uid) => incoming.get(uid) ?? [])
    .map(({source, stream, target}): ChainEdge => ({source, stream, target}));
  return {
    id: head.uid,
    name: chainName(head.uid, edges),
    uids,
    edges,
    parallelism: head.parallelism,
    maxParallelism: head.maxParallelism,
    inputs,
  };
}

/** As Flink writes it: `a -> b`, and `a -> (b, c -> d)` where it forks. */
function chainName(uid: OperatorUid, edges: readonly ChainEdge[]): string {
  const next = edges
    .filter((edge) => edge.source === uid)
    .map((edge) => chainName(edge.target, edges));
  if (next.length === 0) return uid;
  return `${uid} -> ${next.length === 1 ? next[0]! : `(${next.join(', ')})`}`;
}
