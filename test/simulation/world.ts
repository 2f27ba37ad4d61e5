// What all simulated processes share: time, the disk, what goes wrong, and who watches.

import {MemoryFileSystem} from '../storage/support/memory-file-system.ts';
import type {Draw} from './draw.ts';
import type {Faults} from './faults.ts';
import {Actor, Violation, type Scheduler} from './scheduler.ts';
import type {Trace} from './trace.ts';

/** Hears of every change of the disk that may matter, in the event in which it happens. */
export interface DiskWatch {
  renamed(source: string, target: string, by: Actor): void;
  linked(source: string, target: string, by: Actor): void;
  unlinked(path: string): void;
}

const WALL_START = Date.UTC(2026, 0, 1);
/** Reading the clock takes time: code that runs on and on sees it pass. */
const READ_MILLIS = 0.02;

export class World {
  readonly scheduler: Scheduler;
  readonly draw: Draw;
  readonly faults: Faults;
  readonly watch: DiskWatch;
  /** Runs what belongs to no process: faults, and what a dead one had handed over. */
  readonly kernel: Actor;
  /** Hears of every call of a process, before it happens. */
  called: (name: string, path: string, by: Actor) => void = () => undefined;
  readonly #trace: Trace;
  disk = new MemoryFileSystem();
  /** Of the machines' common wall clock. */
  wallOffset = 0;
  /** Another one after each power loss. */
  boot = 1;

  constructor(parts: {
    readonly scheduler: Scheduler;
    readonly draw: Draw;
    readonly faults: Faults;
    readonly watch: DiskWatch;
    readonly trace: Trace;
  }) {
    this.scheduler = parts.scheduler;
    this.draw = parts.draw;
    this.faults = parts.faults;
    this.watch = parts.watch;
    this.#trace = parts.trace;
    this.kernel = new Actor('kernel', null, (error) => {
      parts.scheduler.fail(
        new Violation(`in the simulation itself: ${(error as Error).stack ?? ''}`),
      );
    });
  }

  note(line: string): void {
    this.#trace.add(line);
  }

  monotonicMillis(): number {
    this.scheduler.now += READ_MILLIS;
    return this.scheduler.now;
  }

  wallMillis(): number {
    return Math.floor(WALL_START + this.scheduler.now + this.wallOffset);
  }

  /** The disk after the power was lost: of what was not synced, some is there, some is torn, some is not. */
  losePower(): void {
    const {draw, disk} = this;
    const [lost, half] = draw.pick([
      [1, 0],
      [0, 0],
      [0.5, 0.2],
      [0.2, 0.1],
      [0.9, 0.05],
    ] as const);
    const fates = disk
      .unsyncedAt(disk.log.length)
      .map(() =>
        draw.chance(lost)
          ? ('lost' as const)
          : draw.chance(half)
            ? ('half' as const)
            : ('whole' as const),
      );
    this.disk = disk.afterCrash(disk.log.length, (index) => fates[index] ?? 'lost');
    this.disk.rebase();
    this.boot += 1;
  }
}
