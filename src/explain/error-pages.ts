import type {ErrorCode} from '../base/errors.ts';
import type {Page} from './page.ts';

/** The `code` of an error, in the JSON of a failure. */
export const ERROR_PAGES: Readonly<Record<ErrorCode, Page>> = {
  UNEXPECTED: {
    what: 'Something happened that the program does not foresee.',
    why: 'It is a defect of tidemark. What was committed stays; the next run goes on from the newest complete checkpoint.',
    fix: 'Run again with --verbose, and report the stack.',
    example: 'tidemark run my.job.yaml --verbose',
  },
  JOB_FAILED: {
    what: 'The job failed, and its restart strategy allows no further restart.',
    why: 'The message names the last failure: a thread that ended, checkpoints that kept failing, a source or sink that gave up.',
    fix: 'Mend the cause, then run the same command: it resumes from the newest complete checkpoint.',
    example: 'tidemark run my.job.yaml --dry-run   # says from where',
  },
  USAGE: {
    what: 'The command was called in a way that it does not understand.',
    why: 'A flag or an argument is unknown, missing or contradicts another; or an answer was needed, and nobody could be asked.',
    fix: 'Read the help of the command.',
    example: 'tidemark run --help',
  },
  JOB_INVALID: {
    what: 'The job file has errors; nothing of it has run.',
    why: 'Everything that can be known before a job runs is checked before it runs.',
    fix: 'See every finding with its line and its rule, and explain the rule.',
    example: 'tidemark validate my.job.yaml',
  },
  CHECKPOINT_DAMAGED: {
    what: 'A checkpoint is damaged: a file is missing, has another length, or its checksum differs.',
    why: 'Restoring it could lose or invent state, so the start stops here. Nothing is repaired silently.',
    fix: 'See all damage. Bring the files back, or restore an older checkpoint: what was committed after it is then ahead.',
    example:
      'tidemark checkpoint verify my.job.yaml\ntidemark run my.job.yaml --on-damaged use-older',
  },
  INCOMPLETE: {
    what: 'The command did its work except for some items.',
    why: 'They could not be read, or were gone by the time they were looked at. What is reported about the rest holds.',
    fix: 'Look at the items that are named, and run it again.',
    example: 'tidemark checkpoint verify state/checkpoints/my-job',
  },
  NOT_FOUND: {
    what: 'The job, the checkpoint or the file that was named is not there.',
    why: 'A REF is a path, JOB, JOB@latest, JOB@12, or the unique beginning of a name.',
    fix: 'List what there is.',
    example: 'tidemark checkpoint list my.job.yaml',
  },
  ALREADY_RUNNING: {
    what: 'Another process runs this job with this checkpoint directory, or another job owns the checkpoint.',
    why: 'Two would delete each other’s checkpoints and commit output twice. Its process, machine and last sign of life were looked at. A job that claimed a checkpoint goes on from it, and this one would make the same output.',
    fix: 'Stop the other one, or go on with the job that the message names. If you know that it is dead (another machine, a container that is gone), take over.',
    example: 'tidemark run my.job.yaml --take-over',
  },
  FENCED: {
    what: 'Another process has taken this job over, and this one may write nothing more.',
    why: 'It was thought dead: it did not write its sign of life for too long, or someone said --take-over. What it had not committed belongs to the new owner.',
    fix: 'Nothing, if the new owner is meant. Look why this one was silent: a machine that slept, a disk that hung.',
    example: 'tidemark checkpoint list my.job.yaml',
  },
  INCOMPATIBLE: {
    what: 'What was stored does not fit this job or this version.',
    why: 'A format is newer, a step has another key, window or type, or max-parallelism has changed. The message lists the reasons.',
    fix: 'See the plan per operator. Undo the edit, give the changed step a new id (its state is left behind with -n), or start fresh.',
    example: 'tidemark restore REF my.job.yaml --dry-run',
  },
  REFUSED: {
    what: 'The command refused what could destroy something.',
    why: 'It would overwrite, delete what is still needed, or write outside its directory.',
    fix: 'Read what it names; choose another place, or move what is there.',
    example: 'tidemark run my.job.yaml --set sinks.out.path=out-2/',
  },
  TIMED_OUT: {
    what: 'The wait is over, and what was waited for has not happened.',
    why: 'It may still happen: the wait has ended, not the work.',
    fix: 'Wait again, or longer.',
    example: 'tidemark checkpoint list my.job.yaml',
  },
  STORAGE_FAILED: {
    what: 'A disk did not do what it was asked to: full, read-only, no right, an I/O error.',
    why: 'A failed sync is final for its file: nothing is known of what is on the disk. The newest complete checkpoint is whole.',
    fix: 'Make room or mend the disk, then run the same command.',
    example: 'df -h state/checkpoints',
  },
  COMMIT_UNDECIDED: {
    what: 'Whether output was committed cannot be told, so nothing is done.',
    why: 'What lies in the sink’s directory agrees neither with "committed" nor with "not committed": someone changed it, or a disk lost writes. Going on could lose rows or write them twice.',
    fix: 'Look at the files that are named; put back what was moved. The evidence stays where it is.',
    example: 'tidemark checkpoint verify my.job.yaml',
  },
  OUTPUT_AHEAD: {
    what: 'The sink holds output from after the checkpoint that is to be restored.',
    why: 'Going back makes those rows once more: they would be there twice.',
    fix: 'Say what becomes of them: keep, or withdraw (they are moved to .withdrawn/, not deleted).',
    example: 'tidemark restore REF my.job.yaml --output-ahead withdraw',
  },
  SOURCE_LOST_DATA: {
    what: 'The source no longer holds what the checkpoint says was read, or was still to be read.',
    why: 'A file was cut, changed or replaced. Reading on would skip or repeat records without a trace.',
    fix: 'Bring the file back as it was; or start fresh over what is there.',
    example: 'tidemark run my.job.yaml --fresh',
  },
  RECORD_FAILED: {
    what: 'A record cannot be read, or an expression fails for it.',
    why: 'The message names file, byte, line and reason. It would fail again after every restart, so the job ends.',
    fix: 'Mend the data, make the expression safe (TRY_CAST, COALESCE), or say what becomes of bad records.',
    example: 'on-bad-record: {dead-letter: bad/}',
  },
  USER_CODE_FAILED: {
    what: 'Code of yours threw.',
    why: 'The message names step, key and record. The same record would make it throw again.',
    fix: 'Mend the code, then run the same command.',
    example: 'tidemark run my.job.yaml',
  },
  INTERRUPTED: {
    what: 'The command was interrupted: Ctrl-C, or SIGINT.',
    why: 'A running job took a last checkpoint first, unless a second Ctrl-C came.',
    fix: 'Nothing. The same command goes on where it was.',
    example: 'tidemark run my.job.yaml',
  },
  TERMINATED: {
    what: 'The command was told to end: SIGTERM.',
    why: 'A running job took a last checkpoint first, within --shutdown-timeout.',
    fix: 'Nothing. The same command goes on where it was.',
    example: 'tidemark run my.job.yaml',
  },
};
