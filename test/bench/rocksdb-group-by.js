// P20: the group-by of P3 with its state in RocksDB, all of it within the cache, an incremental checkpoint every second.

import {bareLoop} from './bases.js';
import {BenchJob, groupByJob} from './candidate.js';
import {linkedFiles, recordsFile} from './data.js';
import {checkGroups} from './records.js';
import {interleave, reportRatio, spread} from './support.js';

const COPIES = 4;

export async function benchRocksdbGroupBy({wants, rounds, records}) {
  if (!wants('P20')) return;
  const path = recordsFile(records);
  const groups = new Map();
  const files = linkedFiles(path, COPIES);
  const text = groupByJob(files.glob, 1, 'state: {backend: rocksdb}\n');
  const job = new BenchJob(text.replace('interval: 1s', 'interval: 1s, incremental: true'));
  const nanos = [];
  const rates = await interleave(
    [
      {name: 'BL', run: bareLoop(path, groups)},
      {
        name: 'P20',
        run: async () => {
          const before = process.cpuUsage();
          const result = await job.run();
          const {user, system} = process.cpuUsage(before);
          if (result.records !== records * COPIES) throw new Error(`${result.records} read`);
          nanos.push(((user + system) * 1000) / result.records);
          return result;
        },
      },
    ],
    rounds,
  );
  checkGroups('P20', job.rows(), groups, COPIES);
  reportRatio(
    'P20',
    'group by 100 k keys in RocksDB / bare loop',
    rates.get('P20'),
    rates.get('BL'),
    3,
  );
  console.log(`P20  processor time a record, all threads: ${spread(nanos).median.toFixed(0)} ns`);
  job.remove();
  files.remove();
}
