// One line per operator, source and sink.

import {blackholeSink} from './connectors/blackhole/sink.ts';
import {consoleSink} from './connectors/console/sink.ts';
import type {SinkConnector, SourceConnector} from './connectors/connector.ts';
import {fileSink} from './connectors/file/sink.ts';
import {fileSource} from './connectors/file/source.ts';
import {generatorSource} from './connectors/generator/source.ts';
import {expressionChecker} from './expressions/expression-checker.ts';
import type {Catalog} from './job/operator-spec.ts';
import {aggregate} from './operators/aggregate.ts';
import {filter} from './operators/filter.ts';
import type {OperatorType} from './operators/operator.ts';
import {project} from './operators/project.ts';
import {union} from './operators/union.ts';
import type {RuntimeCatalog} from './runtime/plan-thread.ts';

const SOURCES: readonly SourceConnector[] = [fileSource, generatorSource];
const SINKS: readonly SinkConnector[] = [fileSink, consoleSink, blackholeSink];
const OPERATORS: readonly OperatorType[] = [filter, project, union, aggregate];

/** What a job file may name. */
export const jobCatalog: Catalog = {
  sources: SOURCES.map(({spec}) => spec),
  sinks: SINKS.map(({spec}) => spec),
  operators: OPERATORS.map(({spec}) => spec),
  expressions: expressionChecker,
};

/** What runs it. */
export const runtimeCatalog: RuntimeCatalog = {
  sources: new Map(SOURCES.map((source) => [source.spec.type, source])),
  sinks: new Map(SINKS.map((sink) => [sink.spec.type, sink])),
  operators: new Map(OPERATORS.map((operator) => [operator.spec.type, operator])),
};
