import type {SinkSpec} from './job-spec.ts';
import type {Catalog, ConnectorSpec} from './operator-spec.ts';
import {checkColumns, reportProblem} from './option-problem.ts';
import {readFields} from './read-value.ts';
import {readConnector, requireMap} from './read-source.ts';
import type {ReadContext} from './read-scalar.ts';
import {readInputs} from './read-step.ts';
import type {StreamTable} from './stream-table.ts';
import type {Place} from './source-text.ts';
import type {YamlEntry, YamlMap} from './yaml-node.ts';

export interface ReadSink {
  readonly spec: SinkSpec;
  readonly connector: ConnectorSpec;
  /** An input of it never ends. */
  readonly endless: boolean;
  readonly place: Place;
}

/** Undefined: something is wrong with it (reported). */
export function readSink(
  entry: YamlEntry,
  catalog: Catalog,
  streams: StreamTable,
  context: ReadContext,
): ReadSink | undefined {
  const name = `sinks.${entry.key}`;
  const map = requireMap(entry.value, name, context);
  const connector = map && readConnector(map, catalog.sinks, name, context);
  if (map === undefined || connector === undefined) return undefined;
  const options = readFields(map, connector.fields, name, context, ['connector', 'input']);
  const [input] = readInputs(map, name, 'one', context) ?? [];
  if (input === undefined) return undefined;
  const stream = streams.take(input.name, input.node, name);
  if (stream === undefined || options === undefined) return undefined;
  checkColumns(map, connector.fields, stream.schema, name, context);
  connector.check?.({
    options,
    schema: stream.schema,
    report: (problem) => reportProblem(problem, map, name, context),
  });
  return {
    spec: {
      uid: entry.key,
      connector: connector.type,
      input: input.name,
      options,
      schema: stream.schema,
    },
    connector,
    endless: !stream.bounded,
    place: entry.keyPlace,
  };
}

/** The sink that keeps the bad records of `source`, exactly-once like any file sink. */
export function deadLetterSink(
  source: {readonly uid: string; readonly sideOutput: string; readonly path: string},
  place: YamlMap,
  catalog: Catalog,
  streams: StreamTable,
  context: ReadContext,
): ReadSink | undefined {
  const text = (value: string): YamlEntry['value'] => ({
    origin: place.origin,
    start: place.start,
    kind: 'scalar',
    value,
    style: 'plain',
    end: place.start,
    written: value,
    segments: null,
  });
  const entry = (key: string, value: string): YamlEntry => ({
    key,
    keyPlace: place,
    value: text(value),
  });
  const map: YamlMap = {
    ...place,
    entries: [
      entry('connector', 'file'),
      entry('input', source.sideOutput),
      entry('path', source.path),
      entry('format', 'json'),
    ],
  };
  return readSink(
    {key: `${source.uid}-dead-letter`, keyPlace: place, value: map},
    catalog,
    streams,
    context,
  );
}
