// What `init` writes runs as it is; its own test passes, and fails when the output is another.

import {appendFile, mkdtemp, readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {TEMPLATE_NAMES} from '#src/index.js';
import {TEMPLATES, writeTemplate} from '#src/templates/write-template.js';
import {BIN, shell, tidemark} from '../commands/tidemark.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-init-'));
});

afterEach(async () => {
  await rm(directory, {recursive: true, force: true});
});

const TIDEMARK = {TIDEMARK: `${process.execPath} ${BIN}`};

test('the names that the door tells are those of the templates', () => {
  expect(TEMPLATES.map(({name}) => name)).toEqual(TEMPLATE_NAMES);
});

describe.each(TEMPLATE_NAMES)('%s', (template) => {
  test('is valid without a warning, and its test passes until the data is another', async () => {
    const target = join(directory, 'new and deep', 'job');
    const {testFile, jobFile, files} = await writeTemplate({
      template,
      directory: target,
      overwrite: false,
    });
    const valid = await tidemark(['validate', jobFile]);
    expect(valid.stdout).toBe('0 errors, 0 warnings in 1 file');
    const passed = await shell(`sh "${testFile}"`, TIDEMARK);
    expect(passed, passed.stderr).toMatchObject({
      status: 0,
      stdout: 'passed: the output is as expected',
    });
    const left = await readdir(target, {recursive: true});
    expect(left.length, 'the test leaves nothing behind').toBe(files.length + 1);
    await appendFile(join(target, 'expected.txt'), '{"more":1}\n');
    const failed = await shell(`sh "${testFile}"`, TIDEMARK);
    expect(failed.status).toBe(1);
    expect(failed.stdout).toContain('< {"more":1}');
  });
});

describe('a directory in which a file is there already', () => {
  test('is refused before anything is written', async () => {
    await writeFile(join(directory, 'test.sh'), 'mine');
    const write = writeTemplate({template: 'filter-to-file', directory, overwrite: false});
    await expect(write).rejects.toMatchObject({code: 'REFUSED'});
    expect(await readdir(directory)).toEqual(['test.sh']);
    expect(await readFile(join(directory, 'test.sh'), 'utf8')).toBe('mine');
  });

  test('is written to with --force, and what is not of the template stays', async () => {
    await writeFile(join(directory, 'test.sh'), 'mine');
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await writeTemplate({template: 'filter-to-file', directory, overwrite: true});
    expect(await readFile(join(directory, 'test.sh'), 'utf8')).toMatch(/^#!\/bin\/sh/);
    expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
  });
});
