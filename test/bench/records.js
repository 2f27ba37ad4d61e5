// P1 to P4: records through the whole engine, against plain JavaScript and DuckDB.

import {bareLoop, duckdbGroupBy, linesOf, parseAndStringify, parseOnly} from './bases.js';
import {BenchJob, filterProjectJob, groupByJob, mapJob} from './candidate.js';
import {fileSize, linkedFiles, recordsFile} from './data.js';
import {interleave, reportRatio, spread} from './support.js';

/**
 * The engine reads the file under several names, one split after the other: its threads and its compiler
 * need some tenths of a second, which would be a large part of one short pass.
 */
const COPIES = 4;
/** The files of P4. */
const FILES = 8;

export async function benchRecords({wants, rounds, records}) {
  if (!['P1', 'P2', 'P3', 'P4'].some(wants)) return;
  const path = recordsFile(records);
  console.log(`data: ${records} records, ${(fileSize(path) / records).toFixed(1)} bytes each`);
  if (wants('P1') || wants('P2')) await benchParsing(path, {wants, rounds, records});
  if (wants('P3')) await benchGroupBy(path, rounds, records);
  if (wants('P4')) await benchParallel(path, rounds, records);
}

async function benchParsing(path, {wants, rounds, records}) {
  const lines = linesOf(path);
  const files = linkedFiles(path, COPIES);
  const filter = new BenchJob(filterProjectJob(files.glob));
  const map = new BenchJob(mapJob(files.glob));
  const expected = lines.reduce((sum, line) => sum + (JSON.parse(line).amount > 50 ? 1 : 0), 0);
  const contestants = [];
  if (wants('P1')) {
    contestants.push({name: 'PO', run: parseOnly(lines)});
    contestants.push({
      name: 'P1',
      run: async () => checked(await filter.run(), records * COPIES, expected * COPIES),
    });
  }
  if (wants('P2')) {
    contestants.push({name: 'PS', run: parseAndStringify(lines)});
    contestants.push({
      name: 'P2',
      run: async () => checked(await map.run(), records * COPIES, records * COPIES),
    });
  }
  const rates = await interleave(contestants, rounds);
  if (wants('P1'))
    reportRatio('P1', 'filter, project, drop / JSON.parse', rates.get('P1'), rates.get('PO'), 6);
  if (wants('P2'))
    reportRatio(
      'P2',
      'map, write, commit / parse + stringify',
      rates.get('P2'),
      rates.get('PS'),
      4,
    );
  filter.remove();
  map.remove();
  files.remove();
}

/** The counters of a run must say what the data says. */
function checked(result, recordsIn, recordsOut) {
  const {summary} = result;
  if (summary.recordsIn !== recordsIn || summary.recordsOut !== recordsOut) {
    throw new Error(
      `in ${summary.recordsIn} out ${summary.recordsOut}, expected ${recordsIn} and ${recordsOut}`,
    );
  }
  return result;
}

async function benchGroupBy(path, rounds, records) {
  const groups = new Map();
  const files = linkedFiles(path, COPIES);
  const job = new BenchJob(groupByJob(files.glob));
  const rates = await interleave(
    [
      {name: 'BL', run: bareLoop(path, groups)},
      {name: 'P3', run: async () => job.run()},
      {name: 'DuckDB', run: await duckdbGroupBy(files.glob, records * COPIES)},
    ],
    rounds,
  );
  checkGroups('P3', job.rows(), groups, COPIES);
  reportRatio('P3', 'group by 100 k keys / bare loop', rates.get('P3'), rates.get('BL'), 6);
  reportRatio(
    'P3',
    'group by 100 k keys / DuckDB, one thread',
    rates.get('P3'),
    rates.get('DuckDB'),
    1.5,
  );
  job.remove();
  files.remove();
}

/** The same job over more files, on one thread and on two with an exchange by key between them. */
async function benchParallel(path, rounds, records) {
  const groups = new Map();
  const files = linkedFiles(path, FILES);
  const jobs = [1, 2].map((parallelism) => new BenchJob(groupByJob(files.glob, parallelism)));
  const nanos = [[], []];
  const runChecked = async (index) => {
    const before = process.cpuUsage();
    const result = await jobs[index].run();
    const {user, system} = process.cpuUsage(before);
    if (result.records !== records * FILES) throw new Error(`${result.records} records read`);
    nanos[index].push(((user + system) * 1000) / result.records);
    return result;
  };
  const rates = await interleave(
    [
      {name: 'BL', run: bareLoop(path, groups)},
      {name: 'p1', run: async () => runChecked(0)},
      {name: 'p2', run: async () => runChecked(1)},
    ],
    rounds,
  );
  for (const job of jobs) checkGroups('P4', job.rows(), groups, FILES);
  const [bare, own, candidate] = ['BL', 'p1', 'p2'].map((name) => rates.get(name));
  reportRatio('P4', 'group by at parallelism 2 / bare loop', candidate, bare, 8);
  reportRatio('P4', 'group by at parallelism 2 / own parallelism 1', candidate, own, 1.25);
  const [atOne, atTwo] = nanos.map((values) => spread(values).median.toFixed(0));
  console.log(`P4   processor time a record: ${atOne} ns at parallelism 1, ${atTwo} ns at 2`);
  for (const job of jobs) job.remove();
  files.remove();
}

export function checkGroups(goal, rows, groups, copies) {
  if (rows.length !== groups.size)
    throw new Error(`${rows.length} groups, expected ${groups.size}`);
  const sizes = rows.map(({n}) => n);
  console.log(
    `${goal.padEnd(4)} checked: ${groups.size} distinct keys, ${Math.min(...sizes)} to ${Math.max(...sizes)} records a key`,
  );
  for (const {user, n, total} of rows) {
    const group = groups.get(user);
    if (group === undefined || group.count * copies !== n || !near(group.sum * copies, total)) {
      throw new Error(`wrong result for ${user}: ${n}, ${total}`);
    }
  }
}

function near(expected, found) {
  return Math.abs(expected - found) <= 1e-9 * Math.abs(expected);
}
