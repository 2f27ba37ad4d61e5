import type {RuleId} from '../job/rules.ts';
import type {Page} from './page.ts';

/** Rules about names, sources, steps, sinks and how they hang together. */
export const GRAPH_PAGES = {
  'job-name-invalid': {
    what: 'The name of the job cannot be one.',
    why: "It is the job's identity, together with its checkpoint directory, and becomes a directory there.",
    fix: 'Use lower-case letters, digits, hyphens and underscores.',
    example: 'name: delays-by-airport',
  },
  'uid-invalid': {
    what: 'The name of a source or sink, or the id of a step, cannot be one.',
    why: 'It becomes a directory in every checkpoint, and state is found by it.',
    fix: 'Use lower-case letters, digits, hyphens and underscores, at most 64.',
    example: 'id: by-hour',
  },
  'name-duplicate': {
    what: 'Two sources, steps, sinks or side outputs have one name.',
    why: 'Inputs and state are found by name: neither could tell which is meant.',
    fix: 'Give one of them another name. Mind that state follows the id of a step.',
    example: 'id: late-flights',
  },
  'no-sources': {
    what: 'The job has no sources.',
    why: 'Nothing would ever flow.',
    fix: 'Add one.',
    example: 'sources: {flights: {connector: file, path: data/*.json, format: json, schema: {…}}}',
  },
  'no-sinks': {
    what: 'The job has no sinks.',
    why: 'Nothing of it would ever be seen.',
    fix: 'Add one; console prints, blackhole only counts.',
    example: 'sinks: {out: {connector: console, input: late}}',
  },
  'connector-unknown': {
    what: 'There is no connector of that name.',
    why: 'Sources and sinks have different ones: a generator is a source only.',
    fix: 'Choose one of those that the finding names.',
    example: 'connector: file',
  },
  'step-type-unknown': {
    what: 'There is no step of that type, or it is not built yet.',
    why: 'The finding says which of the two.',
    fix: 'Choose one of those that the finding names.',
    example: 'type: filter',
  },
  'step-id-missing': {
    what: 'A step keeps state and has no id.',
    why: 'State follows the id across edits of the job. A number made up from the position would tie it to another step as soon as one is inserted, which is how savepoints are lost in Flink.',
    fix: 'Give it an id, and keep it for good.',
    example: '- id: by-hour\n  type: aggregate',
  },
  'input-unknown': {
    what: 'An input names nothing that is there.',
    why: 'It must be the name of a source, the id of a step, or a side output.',
    fix: 'Check the spelling; the finding names the nearest.',
    example: 'input: late',
  },
  'input-repeated': {
    what: 'A step takes the same input twice.',
    why: 'Every record would be counted twice.',
    fix: 'Remove one of them.',
    example: 'input: [dense, sparse]',
  },
  'graph-cycle': {
    what: 'Steps feed each other in a circle.',
    why: 'Records could go round for ever, and a checkpoint would never have all of its barriers.',
    fix: 'Take one of the inputs from elsewhere.',
    example: 'input: flights',
  },
  'source-unused': {
    what: 'No step or sink takes a source.',
    why: 'It would be read for nothing.',
    fix: 'Name it as an input, or remove it.',
    example: 'input: flights',
  },
  'step-unused': {
    what: 'No step or sink takes what a step puts out.',
    why: 'It would work for nothing.',
    fix: 'Name it as an input, or remove it.',
    example: 'sinks: {out: {connector: file, input: by-hour, path: out/}}',
  },
  'column-unknown': {
    what: 'A column is named that the input does not have.',
    why: 'Columns come from the schema of the source, and from what the steps before put out.',
    fix: 'Check the spelling; the finding names the nearest.',
    example: 'group-by: [origin]',
  },
  'schema-invalid': {
    what: 'The schema of a source cannot be one.',
    why: 'It is a map from column names to types; a generator has none, its fields say it.',
    fix: 'Follow the suggestion.',
    example: 'schema: {date: timestamp, origin: string, delay: int}',
  },
  'schema-type': {
    what: 'A column has a type that does not exist, or cannot be as large.',
    why: 'There are boolean, int, bigint, double, string, timestamp, date, bytes and decimal(p,s).',
    fix: 'Choose one of them.',
    example: 'cost: decimal(10,2)',
  },
  'schema-time-format': {
    what: 'The format of a timestamp cannot be read.',
    why: 'It has letters for the parts of a date; every other letter stands in quotes.',
    fix: 'Write one like yyyy/MM/dd HH:mm, or epoch-millis, epoch-seconds; leave it out for RFC 3339.',
    example: 'date: {type: timestamp, format: yyyy/MM/dd HH:mm, zone: UTC}',
  },
  'watermark-column': {
    what: 'The watermark is about a column that is no timestamp.',
    why: 'Event time is a point in time.',
    fix: 'Name a timestamp, or give that column the type.',
    example: 'watermark: {column: date, max-out-of-orderness: 5 min}',
  },
  'endless-at-end': {
    what: 'An aggregate puts out its groups at the end of an input that has none.',
    why: 'Nothing would ever come out.',
    fix: 'Say when results go out, or give it a window.',
    example: 'emit: on-checkpoint',
  },
  'endless-sink-without-interval': {
    what: 'An exactly-once sink has endless input, and there are no periodic checkpoints.',
    why: 'Its output is committed with a checkpoint: nothing would ever appear.',
    fix: 'Give checkpointing an interval.',
    example: 'checkpointing: {interval: 10s}',
  },
} as const satisfies Partial<Record<RuleId, Page>>;
