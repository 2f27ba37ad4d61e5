// Every reader of directories that Flink wrote over a changed one. The format has no checksum: what must be found is what
// it tells, the lengths of files; and whatever else it says, nothing outside is looked at, and no copy is made of what is wrong.

import {copyFlinkDirectory} from '#src/inspection/flink/copy-flink-directory.js';
import {inspectFlinkDirectory} from '#src/inspection/flink/inspect-flink-directory.js';
import {planFlinkCopy} from '#src/inspection/flink/plan-flink-copy.js';
import {listCheckpointDirectory} from '#src/inspection/list-checkpoints.js';
import {verifyCheckpoints, type VerifyDepth} from '#src/inspection/verify-checkpoint.js';
import type {Finding} from '#src/storage/finding.js';
import {FakeTime, processTable} from '../../storage/support/fixture.ts';
import {homeOf, type FlinkTree} from './flink-trees.ts';
import {FuzzDisk, type Tree} from './fuzz-disk.ts';
import {answered, placeOn, type Outcome} from './judge.ts';

const COPY = '/scratch/copy';

/** Throws what no reader may do. `found`: verify must see it. */
export async function judgeFlink(
  tree: Tree,
  flink: FlinkTree,
  {
    found,
    level,
    lists,
  }: {readonly found: boolean; readonly level: VerifyDepth; readonly lists: boolean},
): Promise<Outcome> {
  const disk = new FuzzDisk(tree);
  const {directory, top} = flink;
  const errors = await errorsFound(disk, directory, level, [top]);
  if (lists) {
    const home = homeOf(flink);
    await answered(disk, 'list', [top, home], async () => listCheckpointDirectory(disk, home));
  } else {
    await answered(disk, 'inspect', [top, homeOf(flink)], async () =>
      JSON.stringify(
        await inspectFlinkDirectory({files: disk, directory, maps: [], uids: ['some uid']}),
      ),
    );
  }
  const copied = await answered(disk, 'copy', [top, '/scratch'], async () => {
    const plan = await planFlinkCopy({files: disk, directory, maps: []});
    await copyFlinkDirectory({
      ...{files: disk, plan, target: COPY},
      ...{random: '0'.repeat(12), processes: processTable()},
    });
    return plan;
  });
  if (disk.violations.length > 0) throw new Error(disk.violations.join('; '));
  if (found && errors.every((code) => code === 'file-elsewhere')) {
    throw new Error('a wrong length or kind is not found');
  }
  if (typeof copied === 'string') return errors.length > 0 ? 'found' : 'refused';
  if (errors.length > 0) throw new Error(`copied, and verify finds ${errors.join()}`);
  const inCopy = await errorsFound(disk, COPY, 'manifest', [COPY]);
  if (inCopy.length > 0) throw new Error(`a copy with ${inCopy.join()}`);
  return 'other';
}

/** Codes of errors; that of what is thrown. */
async function errorsFound(
  disk: FuzzDisk,
  directory: string,
  level: VerifyDepth,
  allowed: readonly string[],
): Promise<readonly string[]> {
  const findings: Finding[] = [];
  const verified = await answered(disk, `verify ${level}`, allowed, async () =>
    verifyCheckpoints({
      ...{files: disk, clock: new FakeTime(), directories: [directory], level},
      place: placeOn(disk),
      onFinding: (finding) => findings.push(finding),
    }),
  );
  if (typeof verified === 'string') return [verified];
  // What is gone is no damage, and is said.
  const isGone = findings.some(({code}) => code === 'deleted-meanwhile');
  const codes = findings.filter(({severity}) => severity === 'error').map(({code}) => code);
  if (verified.summary.errors !== codes.length) throw new Error('errors are counted wrongly');
  // Without `_metadata` it is under way, or was given up: that is said, and it is never called right.
  const isUnfinished = findings.some(({code}) => code === 'metadata-missing');
  if (isUnfinished && verified.errorCode === null) throw new Error('what was not read is right');
  return [
    ...(isGone ? ['deleted-meanwhile'] : []),
    ...(isUnfinished && codes.length === 0 ? ['metadata-missing'] : []),
    ...codes,
  ];
}
