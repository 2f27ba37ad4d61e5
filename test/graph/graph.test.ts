// A job becomes a graph of operators and then of chains: who is fused with whom, where records are
// repartitioned, and which columns the sources have to read.

import {describe, expect, test} from 'vitest';

import {PLAIN_JOB, loaded} from '../job/load.js';
import {buildExecutionGraph} from '#src/graph/execution-graph.js';
import type {ExecutionGraph} from '#src/graph/execution-graph.js';
import {renderDot, renderJson, renderMermaid, renderText} from '#src/graph/render-graph.js';
import {buildStreamGraph} from '#src/graph/stream-graph.js';
import type {StreamGraph} from '#src/graph/stream-graph.js';

const SOURCE = `
    connector: file
    path: a
    format: json
    schema: {date: timestamp, origin: string, destination: string, delay: int, distance: int}`;

function job(steps: string, sinks: string, sources = `{}`): string {
  const more = sources === '{}' ? '' : sources;
  return `name: j\nsources:\n  flights:${SOURCE}\n${more}steps:\n${steps}sinks:\n${sinks}`;
}

function graphOf(text: string): {stream: StreamGraph; execution: ExecutionGraph} {
  const stream = buildStreamGraph(loaded(text));
  return {stream, execution: buildExecutionGraph(stream)};
}

function chainNames(text: string): string[] {
  return graphOf(text).execution.chains.map((chain) => chain.name);
}

function usedOf(text: string, uid = 'flights'): readonly string[] | null | undefined {
  return graphOf(text).stream.nodes.find((node) => node.uid === uid)?.usedColumns;
}

const FILTER = '  - {id: late, type: filter, input: flights, where: delay > 15}\n';
const AGGREGATE =
  '  - {id: sums, type: aggregate, input: late, group-by: [origin], select: {n: COUNT(*)}, late-to: tardy}\n';

describe('chains', () => {
  test('break at a hash edge only', () => {
    const {execution} = graphOf(PLAIN_JOB);
    expect(execution.chains.map((chain) => [chain.id, chain.name, chain.uids])).toEqual([
      ['flights', 'flights -> late', ['flights', 'late']],
      ['by-origin', 'by-origin -> out', ['by-origin', 'out']],
    ]);
    expect(execution.chains[1]?.inputs).toEqual([
      {
        sourceChain: 'flights',
        source: 'late',
        stream: 'late',
        input: 0,
        partitioning: {kind: 'hash', columns: ['origin']},
      },
    ]);
    expect(execution.chains[0]?.edges).toEqual([
      {source: 'flights', stream: 'flights', target: 'late'},
    ]);
  });

  test('keep fan-out over forward edges', () => {
    const sinks =
      '  one: {connector: blackhole, input: late}\n  two: {connector: blackhole, input: flights}\n';
    expect(chainNames(job(FILTER, sinks))).toEqual(['flights -> (late -> one, two)']);
  });

  test('begin at an operator with several inputs', () => {
    const steps = `${FILTER}  - {id: both, type: union, input: [late, flights]}\n`;
    const {execution} = graphOf(job(steps, '  out: {connector: blackhole, input: both}\n'));
    expect(execution.chains.map((chain) => chain.name)).toEqual(['flights -> late', 'both -> out']);
    expect(execution.chains[1]?.inputs.map((input) => [input.source, input.input])).toEqual([
      ['late', 0],
      ['flights', 1],
    ]);
  });

  test('hold a side output that goes forward', () => {
    const sinks =
      '  out: {connector: blackhole, input: sums}\n  tardy-out: {connector: blackhole, input: tardy}\n';
    const {execution} = graphOf(job(FILTER + AGGREGATE, sinks));
    expect(execution.chains[1]).toMatchObject({
      name: 'sums -> (out, tardy-out)',
      edges: [
        {source: 'sums', stream: 'sums', target: 'out'},
        {source: 'sums', stream: 'tardy', target: 'tardy-out'},
      ],
    });
  });

  test.each(['rebalance', 'broadcast'] as const)('break where records are %s', (kind) => {
    const steps = FILTER.replace('where:', `partitioning: ${kind}, where:`);
    const {stream, execution} = graphOf(job(steps, '  out: {connector: blackhole, input: late}\n'));
    expect(execution.chains.map((chain) => chain.name)).toEqual(['flights', 'late -> out']);
    expect(execution.chains[1]?.inputs[0]?.partitioning).toEqual({kind});
    expect(renderText(stream, execution)).toContain(`  from chain 1: flights, ${kind}\n`);
    expect(renderDot(stream, execution)).toContain(`"flights" -> "late" [label="${kind}"];`);
    expect(renderMermaid(stream, execution)).toContain(`n1 -- "${kind}" --> n2`);
    expect(renderJson(stream, execution)).toMatchObject({
      edges: [{partitioning: kind, key_columns: []}, {partitioning: 'forward'}],
      chains: [{}, {inputs: [{partitioning: kind, key_columns: []}]}],
    });
  });

  test('come in an order in which producers precede consumers, whatever the order of the file', () => {
    const steps = `${AGGREGATE}${FILTER}`;
    expect(chainNames(job(steps, '  out: {connector: blackhole, input: sums}\n'))).toEqual([
      'flights -> late',
      'sums -> out',
    ]);
  });
});

describe('used columns of a source', () => {
  test('are what expressions and keys read, and the watermark', () => {
    expect(usedOf(PLAIN_JOB)).toEqual(['date', 'origin', 'delay']);
  });

  test('are all when a sink takes them through a filter', () => {
    const sinks = '  out: {connector: blackhole, input: late}\n';
    expect(usedOf(job(FILTER, sinks))).toEqual([
      'date',
      'origin',
      'destination',
      'delay',
      'distance',
    ]);
  });

  test('stop at a projection', () => {
    const steps = `${FILTER}  - {id: short, type: project, input: late, select: {far: distance}}\n`;
    const sinks = '  out: {connector: blackhole, input: short}\n';
    expect(usedOf(job(steps, sinks))).toEqual(['delay', 'distance']);
  });

  test('include what a taken side output carries, and only then', () => {
    const plain = '  out: {connector: blackhole, input: sums}\n';
    expect(usedOf(job(FILTER + AGGREGATE, plain))).toEqual(['origin', 'delay']);
    const sinks = `${plain}  tardy-out: {connector: blackhole, input: tardy}\n`;
    expect(usedOf(job(FILTER + AGGREGATE, sinks))).toHaveLength(5);
  });

  test('go through a union into every input', () => {
    const sources = `  more:${SOURCE}\n`;
    const steps = [
      '  - {id: both, type: union, input: [flights, more]}\n',
      '  - {id: short, type: project, input: both, select: {far: distance}}\n',
    ].join('');
    const text = job(steps, '  out: {connector: blackhole, input: short}\n', sources);
    expect([usedOf(text), usedOf(text, 'more')]).toEqual([['distance'], ['distance']]);
  });

  test('are none of a source that nothing takes', () => {
    const sources = `  more:${SOURCE}\n`;
    const text = job(FILTER, '  out: {connector: blackhole, input: late}\n', sources);
    expect(usedOf(text, 'more')).toEqual([]);
  });
});

describe('dead letters', () => {
  const text = PLAIN_JOB.replace(
    'format: json\n',
    'format: json\n    on-bad-record: {dead-letter: bad/}\n',
  );

  test('are a side output that goes forward into a file sink of their own', () => {
    const {stream, execution} = graphOf(text);
    expect(stream.nodes.map((node) => [node.uid, node.type])).toContainEqual([
      'flights-dead-letter',
      'sink:file',
    ]);
    expect(stream.edges.at(-1)).toMatchObject({
      source: 'flights',
      stream: 'flights.dead-letter',
      target: 'flights-dead-letter',
      partitioning: {kind: 'forward'},
    });
    expect(execution.chains[0]?.name).toBe('flights -> (late, flights-dead-letter)');
  });

  test('use no columns of the source', () => {
    expect(usedOf(text)).toEqual(['date', 'origin', 'delay']);
  });
});

describe('rendered', () => {
  const {stream, execution} = graphOf(
    job(FILTER + AGGREGATE, '  out: {connector: blackhole, input: sums}\n'),
  );

  test('as text', () => {
    expect(renderText(stream, execution)).toBe(`j (max-parallelism 128)

chain 1: flights -> late (parallelism 1)
  flights  source:file     reads 2 of 5 columns: origin, delay
  late     filter          date timestamp, origin string, destination string, delay int, distance int

chain 2: sums -> out (parallelism 1)
  from chain 1: late, hash(origin)
  sums     aggregate       origin string, n bigint
  out      sink:blackhole  origin string, n bigint
`);
  });

  test('as JSON that survives a round trip', () => {
    const json = renderJson(stream, execution);
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    expect(json).toMatchObject({
      job_name: 'j',
      edges: [{}, {partitioning: 'hash', key_columns: ['origin']}, {}],
      chains: [{id: 'flights'}, {id: 'sums', inputs: [{source_chain: 'flights'}]}],
    });
  });

  test('as DOT', () => {
    expect(renderDot(stream, execution)).toBe(`digraph "j" {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_1 {
    label="flights -> late";
    "flights" [label="flights\\nsource:file"];
    "late" [label="late\\nfilter"];
  }
  subgraph cluster_2 {
    label="sums -> out";
    "sums" [label="sums\\naggregate"];
    "out" [label="out\\nsink:blackhole"];
  }
  "flights" -> "late";
  "late" -> "sums" [label="hash(origin)"];
  "sums" -> "out";
}
`);
  });

  test('as Mermaid', () => {
    expect(renderMermaid(stream, execution)).toBe(`flowchart LR
  subgraph c1["flights -#gt; late"]
    n1(["flights<br/>source:file"])
    n2["late<br/>filter"]
  end
  subgraph c2["sums -#gt; out"]
    n3["sums<br/>aggregate"]
    n4(["out<br/>sink:blackhole"])
  end
  n1 --> n2
  n2 -- "hash(origin)" --> n3
  n3 --> n4
`);
  });
});
