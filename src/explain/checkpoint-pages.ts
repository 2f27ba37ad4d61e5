import type {RuleId} from '../job/rules.ts';
import type {Page} from './page.ts';

/** Rules about checkpoints, restarts and threads, and the advice. */
export const CHECKPOINT_PAGES = {
  'checkpoint-time-too-short': {
    what: 'The interval or the timeout of checkpoints is below 10 ms.',
    why: 'No checkpoint is done by then. It is the least that Flink takes, too.',
    fix: 'Make it longer; without an interval there are no periodic checkpoints.',
    example: 'checkpointing: {interval: 10s}',
  },
  'checkpoint-timeout': {
    what: 'The timeout of checkpoints is below the interval.',
    why: 'A slow checkpoint is aborted although nothing waits for its place yet. Flink takes it, and now and then it is meant.',
    fix: 'Make the timeout longer than the interval, or switch the rule off.',
    example: 'checkpointing: {interval: 10s, timeout: 10 min}',
  },
  'checkpoint-min-pause': {
    what: 'min-pause contradicts the interval or max-concurrent-checkpoints.',
    why: 'It begins when a checkpoint is complete: with it there is never a second one in flight, and when it is longer than the interval, it alone sets the pace.',
    fix: 'Remove max-concurrent-checkpoints, or make min-pause shorter than the interval.',
    example: 'checkpointing: {interval: 10s, min-pause: 5s}',
  },
  'checkpoint-no-interval': {
    what: 'A key paces periodic checkpoints, and there are none.',
    why: 'Without an interval there is the final checkpoint, and the one on Ctrl-C.',
    fix: 'Add an interval, or remove the key.',
    example: 'checkpointing: {interval: 10s, min-pause: 5s}',
  },
  'checkpoint-unaligned': {
    what: 'Options of unaligned checkpoints contradict each other or the mode.',
    why: 'An unaligned barrier overtakes records and stores them: that needs exactly-once and one checkpoint at a time. aligned-checkpoint-timeout and forced say something of unaligned checkpoints only, and the former must be shorter than the timeout, or the checkpoint is aborted before it turns unaligned.',
    fix: 'Follow the suggestion.',
    example:
      'checkpointing:\n  mode: exactly-once\n  unaligned: {enabled: true}\n  aligned-checkpoint-timeout: 30s',
  },
  'directory-invalid': {
    what: 'A directory for checkpoints or savepoints cannot be one.',
    why: 'They go to a local file system: file:./relative, file:///absolute, or a path. S3 is not built yet.',
    fix: 'Name a directory on a local disk.',
    example: 'checkpointing: {dir: file:./state/checkpoints}',
  },
  'restart-backoff': {
    what: 'The longest backoff is shorter than the first one.',
    why: 'The time between restarts grows from the first to the longest.',
    fix: 'Make max-backoff at least initial-backoff.',
    example: 'restart-strategy: {type: exponential-delay, initial-backoff: 1s, max-backoff: 1 min}',
  },
  'max-parallelism': {
    what: 'max-parallelism is below the parallelism.',
    why: 'It is the number of key groups, in which keyed state moves; subtasks beyond it would have none. State that exists was made for one number, and stays with it.',
    fix: 'Lower the parallelism; raise max-parallelism only for a job without state.',
    example: 'parallelism: 4\nmax-parallelism: 128',
  },
  heartbeat: {
    what: 'The times of the heartbeat contradict each other.',
    why: 'A thread that is silent for the timeout counts as dead, and the job restarts: below one interval, all would.',
    fix: 'Make the timeout several intervals long.',
    example: 'heartbeat: {interval: 10s, timeout: 50s}',
  },
  'short-interval': {
    what: 'The interval of checkpoints is under 10 seconds.',
    why: 'Each checkpoint writes state and syncs it, all of it unless it is incremental, and each makes a part file of every file sink: many small files, and a disk that is busy with them.',
    fix: 'Make it 10 s or longer. If output must appear sooner, switch the rule off.',
    example: 'lint: {off: [short-interval]}',
  },
  'no-min-pause': {
    what: 'The interval is short, and there is no pause between checkpoints.',
    why: 'When state grows or the disk is slow, a checkpoint takes longer than the interval; the next begins at once, and the job does little else.',
    fix: 'Give it a pause, half the interval for instance.',
    example: 'checkpointing: {interval: 2s, min-pause: 1s}',
  },
  'short-timeout': {
    what: 'The timeout is under twice the time that a kept checkpoint of this job took.',
    why: 'Durations vary with load and grow with state. One over the timeout is aborted, with all that it wrote; by default the first such failure fails the job.',
    fix: 'Make the timeout three times as long as the slowest checkpoint.',
    example: 'checkpointing: {timeout: 10 min}',
  },
  'one-checkpoint-retained': {
    what: 'Only one checkpoint is kept.',
    why: 'When it is damaged, there is no older one to go back to; it is what Flink does, and what its users regret.',
    fix: 'Keep some: each costs the size of the state.',
    example: 'checkpointing: {num-retained: 3}',
  },
  'at-least-once-sink': {
    what: 'Checkpoints are at-least-once, and a sink commits its output exactly-once.',
    why: 'After a restart, records between the barriers of two inputs are counted twice; the sink then commits those results once.',
    fix: 'Use exactly-once; where alignment is slow, unaligned checkpoints.',
    example: 'checkpointing: {mode: exactly-once, unaligned: {enabled: true}}',
  },
  'short-ttl': {
    what: 'An aggregate sends its results with checkpoints, and its groups expire before the next one comes.',
    why: 'What has expired is as if it were not there: the result of a group whose last record is older than its ttl does not go out.',
    fix: 'Let state live for several intervals, or send results at once.',
    example: 'checkpointing: {interval: 10s}\nsteps: [{…, emit: on-checkpoint, ttl: 1 h}]',
  },
  'unbounded-state': {
    what: 'A step keeps a row for each key, its input never ends, and it has no window and no ttl.',
    why: 'Every key that ever came stays, until memory ends. With keys of a few values (countries, pages) that is right.',
    fix: 'Give it a ttl: a group that had no record for that long is forgotten, and begins anew when its key comes again. Or give it a window, or a key of few values; if the keys are few, switch the rule off.',
    example: 'ttl: 1 d',
  },
  'large-heap-state': {
    what: 'The newest checkpoint holds more than a gigabyte of state, and state is kept in memory.',
    why: 'Memory holds it with its index, and a checkpoint that is not incremental writes all of it. A backend on disk is not built yet.',
    fix: 'Keep fewer keys or columns, shorten the windows, write incremental: true, or give the machine more memory and switch the rule off.',
    example: 'lint: {off: [large-heap-state]}',
  },
  'volatile-directory': {
    what: 'Checkpoints, savepoints or committed output go where a restart of the machine deletes them.',
    why: '/tmp is emptied, and a tmpfs is memory: after a power cut nothing is left to resume from. A job file that lies in the same place is taken for a trial and not warned of.',
    fix: 'Name a directory on a disk.',
    example: 'checkpointing: {dir: file:/var/lib/clicks/checkpoints}',
  },
  'uneven-key-groups': {
    what: 'The key groups cannot be shared out evenly.',
    why: 'With fewer than two for each subtask, some have two and some have one: those with two do twice the work, and the job goes at their pace.',
    fix: 'Choose a max-parallelism that is several times the parallelism, before there is state; afterwards, a parallelism that divides it.',
    example: 'parallelism: 48\nmax-parallelism: 480',
  },
} as const satisfies Partial<Record<RuleId, Page>>;
