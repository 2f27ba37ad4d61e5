// Keys that Flink still reads, and what each is called by now. (`execution.heartbeat.timeout` is none of
// Flink's: it is looked for where checkpoints have their keys.)

const CHECKPOINTING = 'execution.checkpointing';
const RECOVERY = 'execution.state-recovery';

export const OLDER_KEYS: Readonly<Record<string, string>> = {
  'state.checkpoints.num-retained': `${CHECKPOINTING}.num-retained`,
  'state.checkpoint-storage': `${CHECKPOINTING}.storage`,
  'state.checkpoints.dir': `${CHECKPOINTING}.dir`,
  'state.backend.fs.checkpointdir': `${CHECKPOINTING}.dir`,
  'state.savepoints.dir': `${CHECKPOINTING}.savepoint-dir`,
  'savepoints.state.backend.fs.dir': `${CHECKPOINTING}.savepoint-dir`,
  'state.checkpoints.create-subdir': `${CHECKPOINTING}.create-subdir`,
  'state.storage.fs.memory-threshold': `${CHECKPOINTING}.data-inline-threshold`,
  'state.backend.fs.memory-threshold': `${CHECKPOINTING}.data-inline-threshold`,
  'state.storage.fs.write-buffer-size': `${CHECKPOINTING}.write-buffer-size`,
  'state.backend.fs.write-buffer-size': `${CHECKPOINTING}.write-buffer-size`,
  'state.backend.incremental': `${CHECKPOINTING}.incremental`,
  'state.checkpoint.cleaner.parallel-mode': `${CHECKPOINTING}.cleaner.parallel-mode`,
  [`${CHECKPOINTING}.unaligned`]: `${CHECKPOINTING}.unaligned.enabled`,
  [`${CHECKPOINTING}.force-unaligned`]: `${CHECKPOINTING}.unaligned.forced`,
  [`${CHECKPOINTING}.alignment-timeout`]: `${CHECKPOINTING}.aligned-checkpoint-timeout`,
  [`${CHECKPOINTING}.max-subtasks-per-channel-state-file`]: `${CHECKPOINTING}.unaligned.max-subtasks-per-channel-state-file`,
  [`${CHECKPOINTING}.checkpoints-after-tasks-finish.enabled`]: `${CHECKPOINTING}.checkpoints-after-tasks-finish`,
  [`${CHECKPOINTING}.recover-without-channel-state.checkpoint-id`]: `${RECOVERY}.without-channel-state.checkpoint-id`,
  'state.backend.local-recovery': `${CHECKPOINTING}.local-backup.enabled`,
  'taskmanager.state.local.root-dirs': `${CHECKPOINTING}.local-backup.dirs`,
  'execution.savepoint.path': `${RECOVERY}.path`,
  'execution.savepoint-restore-mode': `${RECOVERY}.claim-mode`,
  'execution.savepoint.ignore-unclaimed-state': `${RECOVERY}.ignore-unclaimed-state`,
  'state.backend.changelog.enabled': 'state.changelog.enabled',
  'state.backend.changelog.storage': 'state.changelog.storage',
  'state.backend': 'state.backend.type',
  'restart-strategy': 'restart-strategy.type',
  'execution.heartbeat.timeout': 'heartbeat.timeout',
};
