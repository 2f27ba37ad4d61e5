// `node test/formats/write.js [DIRECTORY]`: makes each kind that is not kept yet. What is there is never written again.

import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';

import {nodeFileSystem} from '#src/storage/node-file-system.js';

import {isKept, keep} from './corpus.ts';
import {readFacts} from './facts.ts';
import {expectedOutput, visibleOutput} from './kept-job.ts';
import {KINDS, type Kind, type Made} from './kinds.ts';
import {Machine, ROOT} from './machine.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('name the directory of the kept bytes');

for (const kind of KINDS) {
  const name = `${kind.name}-${kind.version}`;
  const isNew = !isKept(directory, name) && (await write(directory, name, kind));
  process.stdout.write(`${name}: ${isNew ? 'written' : 'there already, left as it is'}\n`);
}

async function write(
  into: string,
  name: string,
  {about, version, parallelism, ofRocksdb, make}: Kind,
): Promise<boolean> {
  const {files, checkpoint} = await make();
  if (ofRocksdb === true) return writeRocksdb(into, name, {about, parallelism, files, checkpoint});
  const machine = new Machine(1);
  await machine.put(files);
  const found = await readFacts(machine.disk.view(), `${ROOT}/${checkpoint}`);
  if (found.engine !== version) throw new Error(`${name} is written by ${found.engine}`);
  const isSavepoint = found.kind === 'savepoint';
  const restored = isSavepoint ? {restoreFrom: `${ROOT}/${checkpoint}`} : {};
  const ending = await machine.endOf(machine.start(parallelism, restored));
  const output = expectedOutput();
  const visible = visibleOutput(machine.files());
  if (ending !== 'FINISHED' || !isDeepStrictEqual(visible, output)) {
    const both = JSON.stringify({visible, expected: output}, null, 1);
    throw new Error(`${name} does not restore to what the input says: ${ending}\n${both}`);
  }
  const facts = {about, checkpoint, parallelism, found, output};
  return keep(into, {name, facts, files});
}

/** What it holds is compared with plain loops by kept.test.ts. */
async function writeRocksdb(
  into: string,
  name: string,
  {about, parallelism, files, checkpoint}: Made & Pick<Kind, 'about' | 'parallelism'>,
): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'kept-'));
  try {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(directory, path)), {recursive: true});
      writeFileSync(join(directory, path), bytes);
    }
    const found = await readFacts(nodeFileSystem, join(directory, checkpoint));
    return keep(into, {name, facts: {about, checkpoint, parallelism, found, output: null}, files});
  } finally {
    rmSync(directory, {recursive: true});
  }
}
