import type {RuleId} from '../job/rules.ts';
import type {Page} from './page.ts';

/** Rules about overrides, variables, keys and values. */
export const OPTION_PAGES = {
  'flink-key-unknown': {
    what: 'The key after -D is no option of Flink that is known here.',
    why: 'An option that nobody reads would look as if it were obeyed.',
    fix: 'Check the spelling; the finding names the nearest. What Flink has no word for is set with --set.',
    example: 'tidemark run my.job.yaml -D execution.checkpointing.interval=10s',
  },
  'flink-key-refused': {
    what: 'The key after -D is an option of Flink that cannot be obeyed here.',
    why: 'The finding says why: it is about a cluster, about something that is not built yet, or it is said to a command. It is refused rather than ignored, so that a configuration never says more than the job does. A value that says what is so here anyway is taken.',
    fix: 'Do what the finding says; mostly, leave it out.',
    example:
      'tidemark run my.job.yaml --from-savepoint REF   # not -D execution.state-recovery.path=REF',
  },
  'flink-key-twice': {
    what: 'One option is given under two names, with two values.',
    why: 'In Flink the younger name wins and the other is ignored without a word.',
    fix: 'Give one of them, best under its present name.',
    example:
      '-D execution.checkpointing.num-retained=3   # not also state.checkpoints.num-retained',
  },
  'flink-key-unused': {
    what: 'An option belongs to a restart strategy that the job does not use.',
    why: 'It would do nothing.',
    fix: 'Choose that strategy too, or leave the option out.',
    example: '-D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.attempts=3',
  },
  'flink-value-refused': {
    what: 'Flink would take this value of the option, and here it cannot be obeyed.',
    why: 'It names a class of Java, something that does not exist here, or a duration without a unit, which Flink reads as milliseconds and people write as seconds.',
    fix: 'Write what the finding names.',
    example: '-D execution.checkpointing.interval=10s   # not 10000',
  },
  'set-path': {
    what: 'The path after --set leads nowhere.',
    why: 'A path is keys joined by dots; an item of a list is named by its id or its position from 0.',
    fix: 'Follow the keys of the job file.',
    example: "tidemark run my.job.yaml --set 'steps.late.where=delay > 30'",
  },
  'variable-not-set': {
    what: 'The job file names an environment variable that is not set.',
    why: 'An empty text in its place would be a wrong path or a wrong name.',
    fix: 'Set it, or give a default in the file.',
    example: 'path: ${DATA_DIR:-data}/flights.json',
  },
  'variable-syntax': {
    what: '"${" is not followed by a name and "}".',
    why: 'It may be a variable that is misspelled, so it is not taken for a text.',
    fix: 'Write ${NAME} or ${NAME:-default}; $${ stands for "${" itself.',
    example: 'where: "note = \'$${literal}\'"',
  },
  'key-unknown': {
    what: 'A map has a key that nothing here knows.',
    why: 'A misspelled key would leave the default in force, unseen.',
    fix: 'Check the spelling; the finding names the nearest.',
    example: 'checkpointing: {interval: 10s}   # not intervall',
  },
  'key-missing': {
    what: 'A key is missing that must be there.',
    why: 'It has no default that would be right for most.',
    fix: 'Add the key with its value.',
    example: 'sinks: {out: {connector: file, input: late, path: out/}}',
  },
  'key-invalid': {
    what: 'A key that you choose yourself does not have the form that it must have.',
    why: 'It becomes the name of a column or of something on disk.',
    fix: 'Choose a name that matches the pattern of the finding.',
    example: 'select: {mean_delay: AVG(delay)}',
  },
  'value-type': {
    what: 'A value is of another kind than its field takes, or beyond its limits.',
    why: 'Nothing is converted: 10 is no text, "10" is no number, yes is no boolean.',
    fix: 'Write a value of the kind that the finding names.',
    example: 'num-retained: 3',
  },
  'value-invalid': {
    what: 'A value has the right kind and cannot be read.',
    why: 'Mostly it is a duration or a size without its unit: 10 could be seconds or milliseconds.',
    fix: 'Write the unit.',
    example: 'timeout: 10 min\nmax-record-size: 64kb',
  },
  'value-missing': {
    what: 'A key stands there without a value.',
    why: 'It may have been forgotten, so it is not taken for the default.',
    fix: 'Write the value, or remove the key for its default.',
    example: 'dir: file:./state/checkpoints',
  },
  'option-invalid': {
    what: 'An option does not fit the connector or the step, or the other options beside it.',
    why: 'The finding says which and why.',
    fix: 'Follow its suggestion.',
    example: 'window: {tumbling: 1 h}',
  },
  'expression-invalid': {
    what: 'An expression cannot be read, or its types do not fit.',
    why: 'Expressions are checked before the job runs, against the columns of the input; the column of the finding is the place inside the expression.',
    fix: 'Follow the suggestion: a column that is spelled otherwise, a CAST, another function.',
    example: "where: delay > 15 AND origin = 'SFO'",
  },
  'not-supported': {
    what: 'The job asks for something that this version cannot do.',
    why: 'It is not run otherwise than it says: without the backend or the compression that you count on.',
    fix: 'Write what the finding names.',
    example: 'state: {backend: hashmap}',
  },
  'no-effect': {
    what: 'An option changes nothing in this job, or less than it seems.',
    why: 'It is taken, because Flink takes it or another step may need it; but whoever reads the job may think that it does something.',
    fix: 'Leave it out, or switch the rule off.',
    example: 'lint: {off: [no-effect]}',
  },
  'more-findings': {
    what: 'There are more findings than are shown.',
    why: 'After a hundred, further ones mostly follow from the first.',
    fix: 'Mend what is shown, and check again.',
    example: 'tidemark validate my.job.yaml',
  },
} as const satisfies Partial<Record<RuleId, Page>>;
