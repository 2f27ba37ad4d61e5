import {RESTART_STRATEGY_FIELDS} from './job-fields.ts';
import type {OptionValues, RestartStrategySpec} from './job-spec.ts';
import type {ReadContext} from './read-scalar.ts';
import {readFields, readValue} from './read-value.ts';
import type {RuntimeSupport} from './runtime-support.ts';
import type {YamlMap, YamlNode} from './yaml-node.ts';
import {valueOf} from './yaml-node.ts';

export const RESTART_STRATEGY_TYPES = [
  'none',
  'fixed-delay',
  'failure-rate',
  'exponential-delay',
] as const satisfies readonly RestartStrategySpec['type'][];

/** `node` is the `restart-strategy` section; an empty map means the defaults. Undefined: wrong (reported). */
export function readRestartStrategy(
  node: YamlNode,
  support: RuntimeSupport,
  context: ReadContext,
): RestartStrategySpec | undefined {
  if (node.kind !== 'map') {
    context.findings.error(
      'value-type',
      node,
      'restart-strategy must be a map',
      'write {type: fixed-delay, attempts: 3, delay: 10s}',
    );
    return undefined;
  }
  const type = readType(node, support, context);
  if (type === undefined) return undefined;
  const values = readFields(
    node,
    RESTART_STRATEGY_FIELDS[type],
    `restart-strategy (${type})`,
    context,
    ['type'],
  );
  if (values === undefined) return undefined;
  const spec = strategyOf(type, values);
  if (spec.type === 'exponential-delay' && spec.maxBackoffMillis < spec.initialBackoffMillis) {
    context.findings.error(
      'restart-backoff',
      valueOf(node, 'max-backoff') ?? node,
      'restart-strategy.max-backoff is shorter than initial-backoff',
    );
    return undefined;
  }
  return spec;
}

function readType(
  map: YamlMap,
  support: RuntimeSupport,
  context: ReadContext,
): RestartStrategySpec['type'] | undefined {
  const node = valueOf(map, 'type');
  const implemented = support.restartStrategies;
  if (node === null) {
    // The default, or none at all where the engine has no such strategy.
    return implemented.includes('exponential-delay') ? 'exponential-delay' : 'none';
  }
  const name = {name: 'restart-strategy.type', secret: false};
  const type = readValue(node, {kind: 'choice', values: RESTART_STRATEGY_TYPES}, name, context);
  if (typeof type !== 'string') return undefined;
  const known = type as RestartStrategySpec['type'];
  if (implemented.includes(known)) return known;
  context.findings.error(
    'not-supported',
    node,
    `restart-strategy.type: ${known} is not built yet`,
    `one of ${implemented.join(', ')}`,
  );
  return undefined;
}

function strategyOf(type: RestartStrategySpec['type'], values: OptionValues): RestartStrategySpec {
  const number = (key: string): number => values[key] as number;
  switch (type) {
    case 'none':
      return {type};
    case 'fixed-delay':
      return {type, attempts: number('attempts'), delayMillis: number('delay')};
    case 'failure-rate':
      return {
        type,
        maxFailuresPerInterval: number('max-failures-per-interval'),
        intervalMillis: number('failure-rate-interval'),
        delayMillis: number('delay'),
      };
    case 'exponential-delay': {
      const attempts = values['attempts-before-reset-backoff'];
      return {
        type,
        initialBackoffMillis: number('initial-backoff'),
        maxBackoffMillis: number('max-backoff'),
        multiplier: number('backoff-multiplier'),
        jitterFactor: number('jitter-factor'),
        resetThresholdMillis: number('reset-backoff-threshold'),
        attemptsBeforeReset: typeof attempts === 'number' ? attempts : null,
      };
    }
  }
}
