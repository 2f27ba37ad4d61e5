// The bytes on the page FORMAT.md are the bytes that the code writes. Prints the block to put there when they
// are not.

import {readFileSync} from 'node:fs';

import {expect, it} from 'vitest';

import type {CheckpointMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {takeOver} from '#src/storage/job-directory.js';
import {writeStateFile} from '#src/storage/state-file-writer.js';
import {FakeTime, processTable, readFile} from './support/fixture.js';
import {MemoryFileSystem} from './support/memory-file-system.js';

const page = readFileSync(new URL('../../src/storage/FORMAT.md', import.meta.url), 'utf8');

/** The fenced block that follows the line `File: <name>`. */
function blockOf(name: string): string {
  const start = page.indexOf(`File: \`${name}\``);
  const begin = page.indexOf('```\n', start) + 4;
  return start < 0 ? '' : page.slice(begin, page.indexOf('```', begin));
}

async function example(): Promise<ReadonlyMap<string, string>> {
  const files = new MemoryFileSystem();
  const time = new FakeTime();
  const owner = await takeOver({
    files,
    clock: time,
    timers: time,
    random: {next: () => 0, hex: (count) => '5a'.repeat(count)},
    processes: processTable(),
    jobDirectory: '/ck/tiny',
    kind: 'run',
    takeOver: false,
  });
  const lineage = '00000000000000a1';
  await owner.beginLineage({lineage, origin: {kind: 'fresh'}, ancestors: [], outputAhead: null});
  const attempt = await owner.beginAttempt(1);
  await files.makeDirectory(`${attempt.directory}/count`);
  const path = 'count/0.keyed';
  const summary = await writeStateFile(files, `${attempt.directory}/${path}`, async (append) =>
    append(Buffer.from('tidemark\n')),
  );
  const metadata: CheckpointMetadata = {
    format: {major: 1, minor: 0},
    engine: '0.1.0',
    requiredFeatures: [],
    jobName: 'tiny',
    jobHash: '0'.repeat(64),
    checkpointId: 1,
    kind: 'checkpoint',
    purpose: 'periodic',
    lineage,
    ancestors: [],
    runId: owner.runId,
    generation: owner.generation,
    parent: null,
    unaligned: false,
    incremental: false,
    compression: 'none',
    drained: false,
    savepointTarget: null,
    triggered: 1_700_000_000_000,
    completed: 1_700_000_000_020,
    operators: [
      {
        uid: 'count',
        type: 'aggregate',
        parallelism: 1,
        maxParallelism: 128,
        subtasks: [
          {
            index: 0,
            watermark: 1_600_000_000_000,
            states: [
              {
                location: 'file',
                name: 'keyed',
                kind: 'keyed',
                codecVersion: 1,
                keyGroups: {start: 0, end: 127},
                path,
                ...summary,
                description: null,
              },
            ],
          },
        ],
      },
    ],
  };
  const {path: published} = await attempt.publish(metadata);
  const text = async (name: string): Promise<string> => (await readFile(files, name)).toString();
  return new Map([
    ['FORMAT', await text('/ck/tiny/FORMAT')],
    ['owner/0000000001', await text('/ck/tiny/owner/0000000001')],
    ['owner/0000000001.lineage', await text('/ck/tiny/owner/0000000001.lineage')],
    ['chk-1/_metadata', await text(`${published}/_metadata`)],
    ['chk-1/SHA256SUMS', await text(`${published}/SHA256SUMS`)],
    ['chk-1/count/0.keyed', hexDump(await readFile(files, `${published}/${path}`))],
    [
      'first 96 bytes of chk-1/_metadata',
      hexDump((await readFile(files, `${published}/_metadata`)).subarray(0, 96)),
    ],
  ]);
}

/** As `xxd` prints it. */
function hexDump(bytes: Buffer): string {
  let text = '';
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = bytes.subarray(offset, offset + 16);
    const pairs = row.toString('hex').match(/.{1,4}/g) ?? [];
    const shown = row.toString('latin1').replace(/[^ -~]/g, '.');
    text += `${offset.toString(16).padStart(8, '0')}: ${pairs.join(' ').padEnd(39)}  ${shown}\n`;
  }
  return text;
}

it('the example on the page is what the code writes', async () => {
  for (const [name, content] of await example()) {
    if (blockOf(name) !== content) {
      process.stdout.write(`File: \`${name}\`\n\n\`\`\`\n${content}\`\`\`\n\n`);
    }
  }
  for (const [name, content] of await example()) expect(blockOf(name), name).toBe(content);
});
