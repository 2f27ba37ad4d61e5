// The contract of every command, part 2: each example of its help is run as it stands, in a directory of its own,
// and ends with the status that its contract says.

import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {isInTurn, whole} from '../hostile/support/sample.ts';
import {Scratches, contractOf, inScratch, readCommands} from './contract/commands.ts';

const commands = await readCommands();
let scratches: Scratches;

beforeAll(async () => {
  scratches = await Scratches.make();
});

afterAll(async () => scratches.remove());

describe.each(commands.map((command, index) => ({...command, index})))('$id', (command) => {
  const {id, examples, index} = command;
  const {before = '', after = '', examples: statuses} = contractOf(id);

  test('each example has a status', () => {
    expect(statuses).toHaveLength(examples.length);
  });

  test
    .runIf(whole || isInTurn(index))
    .concurrent.each(examples.map(({command}, index) => [command, statuses[index]] as const))(
    '%s ends with %i',
    async (command, status) => {
      const scratch = await scratches.copy();
      const ending = await inScratch(
        scratch,
        `set -o pipefail\n${before}\n${command}\nstatus=$?\n${after}\nexit $status`,
      );
      expect(ending.status, `${ending.stdout}\n${ending.stderr}`).toBe(status);
    },
  );
});
