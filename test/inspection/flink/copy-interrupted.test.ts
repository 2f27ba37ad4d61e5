// A copy of what Flink wrote that is interrupted leaves nothing, and says only that.

import {expect, test} from 'vitest';

import {copyFlinkDirectory} from '#src/inspection/flink/copy-flink-directory.js';
import {planFlinkCopy} from '#src/inspection/flink/plan-flink-copy.js';
import {processTable} from '../../storage/support/fixture.js';
import {CHECKPOINT, diskWith} from './support/flink-disk.js';

test.each(['first', 'last'])('after the %s part', async (which) => {
  const files = await diskWith('v6/rocksdb-incremental');
  const plan = await planFlinkCopy({files, directory: CHECKPOINT, maps: []});
  const stop = new AbortController();
  let written = 0;
  const copying = copyFlinkDirectory({
    ...{files, plan, target: '/copies/one', random: '0123456789ab'},
    processes: processTable(),
    abort: stop.signal,
    onProgress(bytes) {
      written += bytes;
      if (which === 'first' || written === plan.bytes) {
        stop.abort(Object.assign(new Error('interrupted'), {code: 'INTERRUPTED'}));
      }
    },
  });
  await expect(copying).rejects.toThrow(/^interrupted$/u);
  expect(await files.list('/copies')).toEqual([]);
});
