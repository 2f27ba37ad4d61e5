import {aggregateSpec} from './aggregate/aggregate-spec.ts';
import {GroupAggregate} from './aggregate/group-aggregate.ts';
import {TumblingAggregate} from './aggregate/tumbling-aggregate.ts';
import type {OperatorType} from './operator.ts';

export const aggregate: OperatorType = {
  spec: aggregateSpec,
  create: (request) =>
    request.options['window'] === undefined
      ? new GroupAggregate(request)
      : new TumblingAggregate(request),
};
