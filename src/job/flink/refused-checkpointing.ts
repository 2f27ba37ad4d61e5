// Checkpointing and restore: FLINK.md 3.1 and 3.2, as far as no field of a job file stands for a key.

import {OFF} from './refused-option.ts';
import type {RefusedOption} from './refused-option.ts';

const LEAVE_OUT = 'leave it out';

const checkpointing = (...keys: string[]): string[] =>
  keys.map((key) => `execution.checkpointing.${key}`);
const recovery = (...keys: string[]): string[] =>
  keys.map((key) => `execution.state-recovery.${key}`);

export const REFUSED_CHECKPOINTING: readonly RefusedOption[] = [
  {
    keys: checkpointing('interval-during-backlog'),
    reason: 'no source here reports a backlog, so the interval is the same all the time',
    instead: 'set execution.checkpointing.interval',
  },
  {
    keys: checkpointing('storage'),
    reason:
      'checkpoints always go to files: kept in the memory of a process they would die with it',
    instead: 'leave it out, and name the directory: execution.checkpointing.dir',
    holds: [
      'filesystem',
      'org.apache.flink.runtime.state.storage.filesystemcheckpointstoragefactory',
    ],
  },
  {
    keys: checkpointing('create-subdir'),
    reason:
      'each job has a directory of its own, `<dir>/<name>/`: two jobs in one would delete from each other',
    instead: LEAVE_OUT,
    holds: ['true'],
  },
  {
    keys: checkpointing('data-inline-threshold'),
    reason:
      'what stands in `_metadata` is fixed (positions, committables); keyed state has files of its own at every size',
    instead: LEAVE_OUT,
  },
  {
    keys: checkpointing('write-buffer-size'),
    reason: 'the buffers of state files have a fixed size, which is also that of their checksums',
    instead: LEAVE_OUT,
  },
  {
    keys: checkpointing('cleaner.parallel-mode'),
    reason: 'the files of a dropped checkpoint are deleted one after another, beside the job',
    instead: LEAVE_OUT,
    holds: OFF,
  },
  {
    keys: checkpointing('unaligned.interruptible-timers.enabled'),
    reason: 'windows that are due go out without a barrier between them',
    instead: LEAVE_OUT,
    holds: OFF,
  },
  {
    keys: checkpointing('unaligned.max-subtasks-per-channel-state-file'),
    reason: 'in-flight data of each subtask has a file of its own',
    instead: LEAVE_OUT,
    holds: ['1'],
  },
  {
    keys: checkpointing('unaligned.recover-output-on-downstream.enabled'),
    reason: 'in-flight data of both sides is always replayed at the receiver',
    instead: LEAVE_OUT,
    holds: ['true'],
  },
  {
    keys: checkpointing('unaligned.during-recovery.enabled'),
    reason: 'a checkpoint is declined until the in-flight data of the last one is replayed',
    instead: LEAVE_OUT,
    holds: OFF,
  },
  {
    keys: checkpointing('checkpoints-after-tasks-finish'),
    reason:
      'checkpoints always go on after a source has ended: without them its last output would never be committed',
    instead: LEAVE_OUT,
    holds: ['true'],
  },
  {
    keys: [
      ...checkpointing('local-backup.enabled'),
      ...recovery('from-local', 'approximate-local-recovery'),
    ],
    reason: 'there is one machine: the checkpoint is as near as a local copy would be',
    instead: LEAVE_OUT,
    holds: OFF,
  },
  {
    keys: checkpointing('local-backup.dirs'),
    reason: 'there are no local copies of checkpoints',
    instead: 'set execution.checkpointing.dir',
  },
  {
    keys: checkpointing('file-merging.enabled'),
    reason: 'state files are not merged: each is deleted with the last checkpoint that needs it',
    instead: LEAVE_OUT,
    holds: OFF,
  },
  {
    keys: checkpointing(
      'file-merging.across-checkpoint-boundary',
      'file-merging.max-file-size',
      'file-merging.pool-blocking',
      'file-merging.max-space-amplification',
      'file-merging.max-subtasks-per-file',
    ),
    reason: 'state files are not merged, so there is nothing to tune',
    instead: LEAVE_OUT,
  },
  {
    keys: checkpointing('region.enabled'),
    reason: 'a checkpoint is of the whole job',
    instead: LEAVE_OUT,
    holds: OFF,
  },
  {
    keys: checkpointing('region.max-failure-ratio', 'region.max-consecutive-failures'),
    reason: 'a checkpoint is of the whole job, so none is part-failed',
    instead: 'set execution.checkpointing.tolerable-failed-checkpoints',
  },
  {
    keys: recovery('path'),
    reason: 'what is restored is said to the command, not to the job',
    instead: 'run JOB.yaml --from-savepoint REF',
  },
  {
    keys: recovery('claim-mode'),
    reason: 'who owns what is restored is said to the command, not to the job',
    instead: 'run JOB.yaml --from-savepoint REF --claim-mode no-claim',
  },
  {
    keys: recovery('ignore-unclaimed-state'),
    reason: 'what may be left out is said to the command, not to the job',
    instead: 'run JOB.yaml --from-savepoint REF --allow-non-restored-state',
    holds: OFF,
  },
  {
    keys: recovery('without-channel-state.checkpoint-id'),
    reason: 'in-flight data is never left out: the records in it would be lost',
    instead: 'restore an older checkpoint, which replays them from the sources',
    holds: ['-1'],
  },
];
