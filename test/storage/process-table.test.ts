// Who is alive, as the kernel tells it.

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {setTimeout} from 'node:timers/promises';

import {describe, expect, it} from 'vitest';

import {parseProcStat, systemProcessTable} from '#src/storage/process-table.js';

describe('the process table', () => {
  it('sees this process, with its start time, and none that never was', () => {
    const self = systemProcessTable.self();
    expect(systemProcessTable.look(self.pid)).toEqual({kind: 'running', startTime: self.startTime});
    expect(systemProcessTable.look(2 ** 22 + 1)).toEqual({kind: 'gone'});
  });

  it('takes a process for gone that was killed and that its parent does not wait for', async () => {
    // `sleep` takes the place of the shell, and waits for none of its children.
    const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600']);
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      while (!isSleep(parent.pid!)) await setTimeout(5);
      process.kill(pid, 'SIGKILL');
      while (!/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await setTimeout(5);
      expect(systemProcessTable.look(pid)).toEqual({kind: 'gone'});
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('reads a command with blanks and parentheses, and takes a zombie for gone', () => {
    const rest = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20';
    expect(parseProcStat(`12 (a ) S (b) S ${rest}`)).toEqual({kind: 'running', startTime: '4711'});
    expect(parseProcStat(`12 (x) Z ${rest}`)).toEqual({kind: 'gone'});
    expect(parseProcStat('nonsense')).toEqual({kind: 'unknown'});
  });
});

function isSleep(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
}
