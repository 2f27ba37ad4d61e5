// What an aggregate step's options mean, checked against its input.

import {pairsOf} from '../option-pairs.ts';
import {COLUMN_NAME_PATTERN} from '../column-name.ts';
import {parseAggregate} from '../../expressions/aggregate-call.ts';
import {must} from '../../base/assert.ts';
import type {JsonValue} from '../../base/json.ts';
import type {FieldSpec} from '../../job/field-spec.ts';
import type {OptionValues, StateTtl} from '../../job/job-spec.ts';
import {readStateTtl, STEP_TTL_FIELD} from '../../job/state-ttl.ts';
import type {
  InputDescription,
  OperatorSpec,
  OptionProblem,
  StepPlan,
} from '../../job/operator-spec.ts';
import {dataTypeText, TIMESTAMP} from '../../records/data-type.ts';
import {fieldIndex, type Field} from '../../records/schema.ts';
import {MAX_KEY_COLUMNS} from '../../state/hashmap/row-layout.ts';

/** Names in `select` that are a window's times, and not calls. */
export const WINDOW_TIMES = ['window_start', 'window_end', 'window_time'] as const;
export type WindowTime = (typeof WINDOW_TIMES)[number];
export const EMIT_MODES = ['at-end', 'on-checkpoint', 'on-update'] as const;
export type EmitMode = (typeof EMIT_MODES)[number];

/** Window kinds of Flink that are not built. */
const OTHER_WINDOWS = ['sliding', 'session', 'cumulative'] as const;

const fields: readonly FieldSpec[] = [
  {
    name: 'group-by',
    type: {kind: 'list', of: {kind: 'column'}},
    description: 'Columns of the input; NULL is a group. Empty: all records are one group.',
    example: '[origin]',
  },
  {
    name: 'select',
    type: {kind: 'map', of: {kind: 'expression'}, keys: COLUMN_NAME_PATTERN},
    required: true,
    description:
      'Name and aggregate call of each output column behind those of group-by; window_start, window_end and window_time are the times of the window.',
    example: '{flights: COUNT(*), mean_delay: AVG(delay) FILTER (WHERE delay > 0)}',
  },
  {
    name: 'window',
    type: {
      kind: 'object',
      fields: [
        {
          name: 'tumbling',
          type: {kind: 'duration'},
          description: 'Length of each window; the next one begins where it ends.',
          example: '1 h',
        },
        {
          name: 'offset',
          type: {kind: 'duration'},
          default: '0s',
          description:
            'Windows begin so long after a multiple of their length since the epoch, UTC.',
          example: '15 min',
        },
        {
          name: 'allowed-lateness',
          type: {kind: 'duration'},
          default: '0s',
          description:
            'How long a result that went out is kept, to go out again when a late record comes.',
          example: '10 min',
        },
        ...OTHER_WINDOWS.map((name): FieldSpec => ({
          name,
          type: {kind: 'scalar'},
          description: 'Not built yet.',
          example: '1 h',
        })),
      ],
    },
    description: 'Event-time windows, which go out when the watermark passes their end.',
    example: '{tumbling: 1 h, allowed-lateness: 10 min}',
  },
  {
    name: 'late-to',
    type: {kind: 'string', pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/},
    description: 'Side output for the records that came too late for their window; always counted.',
    example: 'late-flights',
  },
  {
    name: 'emit',
    type: {kind: 'choice', values: [...EMIT_MODES]},
    description:
      'Without a window: when results go out. at-end (the default of a bounded input), on-checkpoint (groups that changed) or on-update (one row per record).',
    example: 'on-checkpoint',
  },
  STEP_TTL_FIELD,
];

export const aggregateSpec: OperatorSpec = {
  type: 'aggregate',
  description: 'Groups records and keeps aggregates of each group, in all or per window.',
  inputs: 'one',
  fields,
  plan({options, inputs, stateTtl, report}) {
    return planAggregate(options, must(inputs[0], 'input'), stateTtl, report);
  },
};

type Report = (problem: OptionProblem) => void;

function planAggregate(
  options: OptionValues,
  input: InputDescription,
  stateTtl: StateTtl | null,
  report: Report,
): StepPlan | null {
  const problems: OptionProblem[] = [];
  const refuse: Report = (problem) => {
    problems.push(problem);
    report(problem);
  };
  const window = options['window'] as OptionValues | undefined;
  const groupBy = (options['group-by'] ?? []) as readonly string[];
  const lateTo = options['late-to'] as string | undefined;
  if (window === undefined) checkWithoutWindow(options, input, refuse);
  else checkWindow(window, options, input, refuse);
  const ttl = planTtl(options, stateTtl, refuse);
  const keys = planKeys(groupBy, input, refuse);
  const selected = planSelect(options, input, window !== undefined, refuse);
  const columns = [...keys, ...selected.fields];
  columns.forEach((field, index) => {
    if (columns.findIndex((other) => other.name === field.name) === index) return;
    refuse({
      path: ['select', field.name],
      message: `'${field.name}' is a column of group-by already`,
    });
  });
  if (problems.length > 0) return null;
  const used = new Set([...groupBy, ...selected.used]);
  if (window !== undefined) used.add(must(input.eventTimeColumn, 'event-time column'));
  const times = selected.times;
  return {
    schema: {fields: columns},
    eventTime: input.eventTime,
    eventTimeColumn: times.find(([, time]) => time === 'window_time')?.[0] ?? null,
    keyColumns: groupBy,
    stateful: true,
    sideOutputs: lateTo === undefined ? [] : [{name: lateTo, schema: input.schema}],
    stateFacets: {
      key: keys.map(({name, type}) => [name, dataTypeText(type)]),
      window:
        window === undefined ? null : {tumbling: window['tumbling'], offset: window['offset'] ?? 0},
      aggregates: selected.aggregates,
      // Not how long: that may change from run to run, as each row says when it was written.
      ...(ttl === null ? {} : {ttl: 'enabled'}),
    } as Readonly<Record<string, JsonValue>>,
    // Late records go out as they came in.
    usedColumns: [lateTo === undefined ? [...used] : null],
    options: {
      ...options,
      'group-by': groupBy,
      'event-time-column': window === undefined ? undefined : input.eventTimeColumn,
      emit: window === undefined ? (options['emit'] ?? 'at-end') : undefined,
      ttl: ttl === null ? undefined : {...ttl},
    },
  };
}

function checkWithoutWindow(options: OptionValues, input: InputDescription, refuse: Report): void {
  const emit = options['emit'] ?? 'at-end';
  if (emit === 'at-end' && !input.bounded) {
    refuse({
      path: options['emit'] === undefined ? [] : ['emit'],
      message: `'${input.name}' has no end, so nothing would ever go out at its end`,
      suggestion: 'emit: on-checkpoint, emit: on-update, or a window',
      rule: 'endless-at-end',
    });
  }
  if (options['late-to'] !== undefined) {
    refuse({path: ['late-to'], message: 'without a window no record is late'});
  }
}

function checkWindow(
  window: OptionValues,
  options: OptionValues,
  input: InputDescription,
  refuse: Report,
): void {
  for (const kind of OTHER_WINDOWS) {
    if (window[kind] === undefined) continue;
    const message = `${kind} windows are not built yet; only tumbling windows are`;
    refuse({path: ['window', kind], message, suggestion: 'tumbling'});
    return;
  }
  const size = window['tumbling'] as number | undefined;
  const offset = (window['offset'] ?? 0) as number;
  if (size === undefined) {
    refuse({path: ['window'], message: 'a window needs its length', suggestion: 'tumbling: 1 h'});
  } else if (size < 1) {
    refuse({path: ['window', 'tumbling'], message: 'a window is at least 1 ms long'});
  } else if (offset >= size) {
    refuse({
      path: ['window', 'offset'],
      message: 'the offset is less than the length of the window',
    });
  }
  if (options['emit'] !== undefined) {
    refuse({
      path: ['emit'],
      message: 'windows go out at their end; emit is for aggregates without one',
    });
  }
  if (!input.eventTime) {
    refuse({
      path: ['window'],
      message: `'${input.name}' has no event time: its source declares no watermark`,
      suggestion: 'watermark: {column: …, max-out-of-orderness: …} in the source',
    });
  } else if (input.eventTimeColumn === null) {
    refuse({
      path: ['window'],
      message: `'${input.name}' no longer has the column that its watermark is about: a step before dropped it`,
      suggestion: 'select it unchanged in the project step, or window_time in the aggregate before',
    });
  }
}

/** What holds for the groups of the step; null: they live on. */
function planTtl(
  options: OptionValues,
  stateTtl: StateTtl | null,
  refuse: Report,
): StateTtl | null {
  const own = options['ttl'];
  if (options['window'] !== undefined) {
    if (own === undefined || own === 'none') return null;
    const message = 'the state of a window goes when the window closes, so it takes no ttl';
    refuse({
      path: ['ttl'],
      message,
      suggestion: 'remove ttl; allowed-lateness keeps it for longer',
    });
    return null;
  }
  if (own === undefined) return stateTtl;
  const read = readStateTtl(own);
  if (read.kind === 'ok') return read.ttl;
  refuse({...read.problem, path: ['ttl', ...read.problem.path]});
  return null;
}

function planKeys(groupBy: readonly string[], input: InputDescription, refuse: Report): Field[] {
  // One more is the window's start.
  if (groupBy.length >= MAX_KEY_COLUMNS) {
    refuse({path: ['group-by'], message: `more than ${MAX_KEY_COLUMNS - 1} columns`});
  }
  return groupBy.flatMap((name, index) => {
    const field = input.schema.fields[fieldIndex(input.schema, name)];
    if (groupBy.indexOf(name) !== index) {
      refuse({path: ['group-by', index], message: `'${name}' stands there twice`});
      return [];
    }
    if (field !== undefined) return field;
    refuse({path: ['group-by', index], message: `'${input.name}' has no column '${name}'`});
    return [];
  });
}

function planSelect(
  options: OptionValues,
  input: InputDescription,
  hasWindow: boolean,
  refuse: Report,
): {
  readonly fields: readonly Field[];
  readonly used: readonly string[];
  readonly times: readonly (readonly [string, WindowTime])[];
  /** Name → kind and type, as the state describes itself. */
  readonly aggregates: Readonly<Record<string, JsonValue>>;
} {
  const selected: Field[] = [];
  const aggregates: [string, JsonValue][] = [];
  const used: string[] = [];
  const times: (readonly [string, WindowTime])[] = [];
  for (const [name, text] of pairsOf(options['select'])) {
    const time = windowTimeOf(text);
    if (time !== null) {
      if (!hasWindow) refuse({path: ['select', name], message: `${time} needs a window`});
      times.push([name, time]);
      selected.push({name, type: TIMESTAMP});
      continue;
    }
    const parsed = parseAggregate(text, input.schema);
    if (parsed.kind === 'invalid') {
      refuse({path: ['select', name], ...parsed});
      continue;
    }
    const {argument, filter, resultType} = parsed.call;
    // The state of an average is the sum of its arguments: its result is a double whatever they are.
    const kept = parsed.call.function === 'AVG' && argument !== null ? argument.type : resultType;
    aggregates.push([name, {kind: parsed.call.function, type: dataTypeText(kept)}]);
    used.push(...(argument?.columns ?? []), ...(filter?.columns ?? []));
    selected.push({name, type: resultType});
  }
  return {fields: selected, used, times, aggregates: Object.fromEntries(aggregates)};
}

/** Which time of the window `text` names; null: none. Case does not matter, as in SQL. */
export function windowTimeOf(text: string): WindowTime | null {
  return WINDOW_TIMES.find((time) => time === text.trim().toLowerCase()) ?? null;
}
