import type {ExitStatus} from '../base/errors.ts';
import type {Page} from './page.ts';

const SAME_IN_JSON = 'The status is the same with and without --json.';

/** The exit status of a command, as a script sees it in $?. */
export const STATUS_PAGES: Readonly<Record<ExitStatus, Page>> = {
  0: {
    what: 'Done, and nothing wrong was found.',
    why: SAME_IN_JSON,
    fix: 'Nothing.',
    example: 'tidemark validate my.job.yaml && echo valid',
  },
  1: {
    what: 'The job failed, or something happened that was not foreseen.',
    why: 'The code of the error says which: JOB_FAILED or UNEXPECTED.',
    fix: 'Read the message; explain its code.',
    example: 'tidemark explain JOB_FAILED',
  },
  2: {
    what: 'The command line is wrong, or a question could not be asked.',
    why: 'Nothing was done. Prompts need a terminal, and no --json, --no-input or CI.',
    fix: 'Read the help; give the flag that the message names.',
    example: 'tidemark explain USAGE',
  },
  3: {
    what: 'The job file is invalid.',
    why: 'Nothing of the job has run.',
    fix: 'See every finding.',
    example: 'tidemark validate my.job.yaml',
  },
  4: {
    what: 'A check ran, and its answer is bad.',
    why: 'A checkpoint is damaged: found by verify, or by a start that would have restored it.',
    fix: 'See all damage.',
    example: 'tidemark checkpoint verify my.job.yaml',
  },
  5: {
    what: 'Some items were skipped or could not be read.',
    why: 'What is reported about the others holds; about these nothing is known.',
    fix: 'Look at those that are named.',
    example: 'tidemark explain INCOMPLETE',
  },
  10: {
    what: 'What was named is not there.',
    why: 'No such job, checkpoint, directory, file or page.',
    fix: 'List what there is.',
    example: 'tidemark checkpoint list my.job.yaml',
  },
  11: {
    what: 'Another process owns the job.',
    why: 'It runs already (ALREADY_RUNNING), or it has taken this one over (FENCED).',
    fix: 'Stop one of them.',
    example: 'tidemark explain ALREADY_RUNNING',
  },
  12: {
    what: 'What is stored does not fit.',
    why: 'Another format, graph, type of state or max-parallelism.',
    fix: 'See the plan per operator.',
    example: 'tidemark restore REF my.job.yaml --dry-run',
  },
  13: {
    what: 'Refused, because something could be destroyed.',
    why: 'It would overwrite, delete, or leave its directory.',
    fix: 'Read what is named, and choose another place.',
    example: 'tidemark explain REFUSED',
  },
  14: {
    what: 'The wait is over.',
    why: 'What was waited for may still happen.',
    fix: 'Wait again.',
    example: 'tidemark explain TIMED_OUT',
  },
  15: {
    what: 'A disk failed: full, read-only, an I/O error.',
    why: 'The newest complete checkpoint is whole.',
    fix: 'Make room or mend it, then run the same command.',
    example: 'df -h state/checkpoints',
  },
  16: {
    what: 'It is undecided what becomes of output.',
    why: 'Whether it was committed cannot be told (COMMIT_UNDECIDED), or it is ahead of what is restored (OUTPUT_AHEAD).',
    fix: 'Explain the code of the error; decide.',
    example: 'tidemark explain OUTPUT_AHEAD',
  },
  17: {
    what: 'The source has lost data.',
    why: 'It no longer holds what a checkpoint counts on.',
    fix: 'Bring it back, or start fresh.',
    example: 'tidemark explain SOURCE_LOST_DATA',
  },
  21: {
    what: 'A record or code of yours failed.',
    why: 'It would fail again after every restart.',
    fix: 'Mend the record or the code, or set on-bad-record.',
    example: 'tidemark explain RECORD_FAILED',
  },
  130: {
    what: 'Interrupted by Ctrl-C.',
    why: 'A running job took a last checkpoint first.',
    fix: 'The same command goes on where it was.',
    example: 'tidemark run my.job.yaml',
  },
  143: {
    what: 'Terminated by SIGTERM.',
    why: 'A running job took a last checkpoint first.',
    fix: 'The same command goes on where it was.',
    example: 'tidemark run my.job.yaml',
  },
};
