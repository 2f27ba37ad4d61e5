// The execution graph for `info`: as text, JSON, Graphviz DOT and Mermaid. Pure functions.

import type {ChainInput, ExecutionGraph} from './execution-graph.ts';
import type {Partitioning, StreamGraph, StreamNode} from './stream-graph.ts';
import {must} from '../base/assert.ts';
import type {JsonValue} from '../base/json.ts';
import {durationText} from '../job/duration.ts';
import {dataTypeText} from '../records/data-type.ts';
import type {Schema} from '../records/schema.ts';

/** Flink's words: `forward`, `rebalance`, `broadcast`, `hash(origin, day)`. */
export function partitioningText(partitioning: Partitioning): string {
  const {kind} = partitioning;
  return kind === 'hash' ? `hash(${partitioning.columns.join(', ')})` : kind;
}

/** One block per chain: where its records come from, its operators, their columns. */
export function renderText(graph: StreamGraph, execution: ExecutionGraph): string {
  const nodes = nodesByUid(graph);
  const width = Math.max(...graph.nodes.map((node) => node.uid.length));
  const typeWidth = Math.max(...graph.nodes.map((node) => node.type.length));
  const numbers = new Map(execution.chains.map((chain, index) => [chain.id, index + 1]));
  const blocks = execution.chains.map((chain, index) => {
    const lines = [`chain ${index + 1}: ${chain.name} (parallelism ${chain.parallelism})`];
    for (const input of chain.inputs) {
      lines.push(
        `  from chain ${must(numbers.get(input.sourceChain), input.sourceChain)}: ${inputText(input)}`,
      );
    }
    for (const uid of chain.uids) {
      const node = must(nodes.get(uid), uid);
      lines.push(
        `  ${uid.padEnd(width)}  ${node.type.padEnd(typeWidth)}  ${columnsText(node)}`.trimEnd(),
      );
    }
    return lines.join('\n');
  });
  const {maxParallelism} = must(graph.nodes[0], 'a node');
  return `${graph.jobName} (max-parallelism ${maxParallelism})\n\n${blocks.join('\n\n')}\n`;
}

function inputText(input: ChainInput): string {
  const stream = input.stream === input.source ? input.source : `${input.source}, ${input.stream}`;
  return `${stream}, ${partitioningText(input.partitioning)}`;
}

function columnsText(node: StreamNode): string {
  if (node.usedColumns === null) return `${schemaText(node.schema)}${ttlText(node)}`;
  const count = `reads ${node.usedColumns.length} of ${node.schema.fields.length} columns`;
  return node.usedColumns.length === 0 ? count : `${count}: ${node.usedColumns.join(', ')}`;
}

function ttlText({stateTtlMillis}: StreamNode): string {
  return stateTtlMillis === null ? '' : `; state lives ${durationText(stateTtlMillis)}`;
}

function schemaText(schema: Schema): string {
  return schema.fields.map(({name, type}) => `${name} ${dataTypeText(type)}`).join(', ');
}

/** The payload of `info --json`: snake_case, as JSON.md has it. */
export function renderJson(
  graph: StreamGraph,
  execution: ExecutionGraph,
): {readonly [key: string]: JsonValue} {
  return {
    job_name: graph.jobName,
    nodes: graph.nodes.map((node) => ({
      uid: node.uid,
      kind: node.kind,
      type: node.type,
      parallelism: node.parallelism,
      max_parallelism: node.maxParallelism,
      stateful: node.stateful,
      state_ttl_ms: node.stateTtlMillis,
      side_outputs: node.sideOutputs,
      used_columns: node.usedColumns,
      schema: node.schema.fields.map(({name, type}) => ({name, type: dataTypeText(type)})),
    })),
    edges: graph.edges.map((edge) => ({
      source: edge.source,
      stream: edge.stream,
      target: edge.target,
      input: edge.input,
      ...partitioningJson(edge.partitioning),
    })),
    chains: execution.chains.map((chain) => ({
      id: chain.id,
      name: chain.name,
      uids: chain.uids,
      parallelism: chain.parallelism,
      max_parallelism: chain.maxParallelism,
      inputs: chain.inputs.map((input) => ({
        source_chain: input.sourceChain,
        source: input.source,
        stream: input.stream,
        input: input.input,
        ...partitioningJson(input.partitioning),
      })),
    })),
  };
}

function partitioningJson(partitioning: Partitioning): {
  readonly partitioning: string;
  readonly key_columns: readonly string[];
} {
  return {
    partitioning: partitioning.kind,
    key_columns: partitioning.kind === 'hash' ? partitioning.columns : [],
  };
}

/** Graphviz: one cluster per chain. */
export function renderDot(graph: StreamGraph, execution: ExecutionGraph): string {
  const nodes = nodesByUid(graph);
  const lines = [`digraph ${dotText(graph.jobName)} {`, '  rankdir=LR;', '  node [shape=box];'];
  for (const [index, chain] of execution.chains.entries()) {
    lines.push(`  subgraph cluster_${index + 1} {`, `    label=${dotText(chain.name)};`);
    for (const uid of chain.uids) {
      const {type} = must(nodes.get(uid), uid);
      lines.push(`    ${dotText(uid)} [label="${escapeDot(uid)}\\n${escapeDot(type)}"];`);
    }
    lines.push('  }');
  }
  for (const edge of graph.edges) {
    const label = edgeLabel(edge);
    const attributes = label === '' ? '' : ` [label=${dotText(label)}]`;
    lines.push(`  ${dotText(edge.source)} -> ${dotText(edge.target)}${attributes};`);
  }
  return `${lines.join('\n')}\n}\n`;
}

function dotText(text: string): string {
  return `"${escapeDot(text)}"`;
}

function escapeDot(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

/** Mermaid flowchart: one subgraph per chain. Nodes are numbered, since a uid may be a word of Mermaid. */
export function renderMermaid(graph: StreamGraph, execution: ExecutionGraph): string {
  const nodes = nodesByUid(graph);
  const ids = new Map(graph.nodes.map((node, index) => [node.uid, `n${index + 1}`]));
  const idOf = (uid: string): string => must(ids.get(uid), uid);
  const lines = ['flowchart LR'];
  for (const [index, chain] of execution.chains.entries()) {
    lines.push(`  subgraph c${index + 1}["${escapeMermaid(chain.name)}"]`);
    lines.push(
      ...chain.uids.map((uid) => `    ${mermaidNode(idOf(uid), must(nodes.get(uid), uid))}`),
    );
    lines.push('  end');
  }
  for (const edge of graph.edges) {
    const label = edgeLabel(edge);
    const arrow = label === '' ? '-->' : `-- "${escapeMermaid(label)}" -->`;
    lines.push(`  ${idOf(edge.source)} ${arrow} ${idOf(edge.target)}`);
  }
  return `${lines.join('\n')}\n`;
}

function mermaidNode(id: string, node: StreamNode): string {
  const text = `"${escapeMermaid(node.uid)}<br/>${escapeMermaid(node.type)}"`;
  return node.kind === 'step' ? `${id}[${text}]` : `${id}([${text}])`;
}

function escapeMermaid(text: string): string {
  return text.replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;');
}

/** Empty for a forward edge of a main output, which needs no words. */
function edgeLabel(edge: StreamGraph['edges'][number]): string {
  const parts = edge.stream === edge.source ? [] : [edge.stream];
  if (edge.partitioning.kind !== 'forward') parts.push(partitioningText(edge.partitioning));
  return parts.join(', ');
}

function nodesByUid(graph: StreamGraph): ReadonlyMap<string, StreamNode> {
  return new Map(graph.nodes.map((node) => [node.uid, node]));
}
