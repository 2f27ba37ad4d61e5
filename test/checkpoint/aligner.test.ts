// The aligner takes the cut of Chandy and Lamport: in the exactly-once modes a snapshot (with its channel
// state) holds exactly the records before the barrier of each channel. Checked over all interleavings of
// short channels, and over random ones of longer channels; the cut is computed by gate-model.ts.

import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {align, startAligner} from '#src/checkpoint/aligner.js';
import type {AlignerDecision, AlignerEvent} from '#src/checkpoint/aligner-protocol.js';
import {startTracker, track, TRACKED_CHECKPOINTS_MAX} from '#src/checkpoint/barrier-tracker.js';
import {cutOf, Gate, isPossible, type GateMode} from './gate-model.js';

const PROOF = process.env['TIDEMARK_PROOF'] === '1' ? 10 : 1;

/** Plays `choices` (any numbers) as moves until nothing is possible. */
function play(texts: readonly string[], mode: GateMode, choose: (count: number) => number): Gate {
  const gate = new Gate(texts, mode);
  for (let moves = gate.moves(); moves.length > 0; moves = gate.moves()) {
    gate.move(moves[choose(moves.length)]!);
  }
  return gate;
}

/** Cheaper than `expect`, which would be most of the time of a million runs. */
function must(holds: boolean, what: string, gate: Gate, texts: readonly string[]): void {
  if (!holds) expect.fail(`${what}: ${texts.join(' ')}: ${gate.events.join(', ')}`);
}

function check(gate: Gate, texts: readonly string[], mode: GateMode): void {
  for (const [id, whole] of gate.whole) {
    const cut = cutOf(gate.channels, id);
    const holdsAll = [...cut].every((record) => whole.has(record));
    must(holdsAll, `checkpoint ${id} lacks a record`, gate, texts);
    const exact = mode === 'at-least-once' || whole.size === cut.size;
    must(exact, `checkpoint ${id} has a record from behind its barrier`, gate, texts);
    const declined = gate.events.some((event) => event.startsWith(`decline ${id} `));
    must(!declined, `checkpoint ${id} is whole and declined`, gate, texts);
  }
  const ids = [...gate.snapshots.keys()];
  const ascend = ids.every((id, index) => index === 0 || id > ids[index - 1]!);
  must(ascend, 'snapshots out of order', gate, texts);
  const declines = gate.events.filter((event) => event.startsWith('decline'));
  must(new Set(declines).size === declines.length, 'declined twice', gate, texts);
  if (mode === 'at-least-once') must(gate.blocked.size === 0, 'blocked', gate, texts);
}

/** What must have happened when nothing more can happen. */
function checkLiveness(gate: Gate, texts: readonly string[]): void {
  const newest = Math.max(0, ...texts.flatMap((text) => Array.from(text, markerId)));
  const allEnded = texts.every((text) => text.endsWith('E'));
  const possible = newest > 0 && isPossible(gate.channels, newest);
  if (possible) must(gate.whole.has(newest), `checkpoint ${newest} was not taken`, gate, texts);
  if (possible || allEnded) {
    must(gate.blocked.size === 0, 'a channel stays blocked', gate, texts);
    must(gate.recordingCount === 0, 'a recording stays open', gate, texts);
  }
  const cancelled = texts.some((text) => text.includes(String.fromCharCode(96 + newest)));
  if (allEnded && newest > 0 && cancelled) {
    must(gate.events.includes(`cancel ${newest}`), 'cancel was not forwarded', gate, texts);
  }
}

function markerId(letter: string): number {
  if (letter >= '1' && letter <= '9') return Number(letter);
  return letter >= 'a' && letter <= 'c' ? letter.charCodeAt(0) - 96 : 0;
}

/** Channels as an upstream task sends them: ids ascend, a cancel marker stands in place of its barrier. */
function validChannels(length: number): readonly string[] {
  const done: string[] = [];
  const extend = (text: string, newest: number): void => {
    done.push(text);
    if (text.endsWith('E') || text.length === length) return;
    extend(`${text}d`, newest);
    extend(`${text}E`, newest);
    for (let id = newest + 1; id <= 2; id++) {
      extend(`${text}${id}`, id);
      extend(`${text}${String.fromCharCode(96 + id)}`, id);
    }
  };
  extend('', 0);
  return done;
}

/** Every order of moves, by depth-first search over prefixes of choices. */
function playAll(texts: readonly string[], mode: GateMode, visit: (gate: Gate) => void): number {
  let runs = 0;
  const choices: number[] = [];
  const counts: number[] = [];
  for (;;) {
    let depth = 0;
    const gate = play(texts, mode, (count) => {
      const choice = choices[depth] ?? 0;
      choices[depth] = choice;
      counts[depth] = count;
      depth += 1;
      return choice;
    });
    visit(gate);
    runs += 1;
    choices.length = depth;
    counts.length = depth;
    while (choices.length > 0 && choices.at(-1)! + 1 >= counts.at(-1)!) {
      choices.pop();
      counts.pop();
    }
    if (choices.length === 0) return runs;
    choices[choices.length - 1]! += 1;
  }
}

describe('all interleavings of two short channels', () => {
  const short = validChannels(2);
  test.each(['aligned', 'unaligned', 'aligned-with-timeout', 'at-least-once'] as const)(
    '%s',
    (mode) => {
      let runs = 0;
      for (const left of short) {
        for (const right of short) {
          const texts = [left, right];
          runs += playAll(texts, mode, (gate) => {
            check(gate, texts, mode);
            checkLiveness(gate, texts);
          });
        }
      }
      expect(runs).toBeGreaterThan(1000);
    },
  );
});

describe('random interleavings of two and three longer channels', () => {
  const channel = fc
    .array(fc.constantFrom('d', 'd', 'd', 'marker', 'cancel'), {maxLength: 9})
    .chain((kinds) => fc.tuple(fc.constant(kinds), fc.boolean()))
    .map(([kinds, ends]) => {
      let id = 0;
      const text = kinds.map((kind) => {
        if (kind === 'd' || id === 3) return 'd';
        id += 1;
        return kind === 'marker' ? String(id) : String.fromCharCode(96 + id);
      });
      return text.join('') + (ends ? 'E' : '');
    });
  test.each(['aligned', 'unaligned', 'aligned-with-timeout', 'at-least-once'] as const)(
    '%s',
    (mode) => {
      fc.assert(
        fc.property(
          fc.array(channel, {minLength: 2, maxLength: 3}),
          fc.infiniteStream(fc.nat()),
          (texts, stream) => {
            const gate = play(texts, mode, (count) => stream.next().value! % count);
            check(gate, texts, mode);
            checkLiveness(gate, texts);
          },
        ),
        {numRuns: 1500 * PROOF},
      );
    },
  );

  test('an abort by the coordinator at any moment releases the gate, and later ones work', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<GateMode>('aligned', 'unaligned', 'aligned-with-timeout', 'at-least-once'),
        fc.nat({max: 12}),
        fc.infiniteStream(fc.nat()),
        (mode, abortAfter, stream) => {
          const texts = ['dd1dd2d', 'd1d2', 'ddd1d2dd'];
          const gate = new Gate(texts, mode);
          let count = 0;
          let taken = false;
          for (let moves = gate.moves(); moves.length > 0; moves = gate.moves()) {
            if (count === abortAfter) {
              taken = gate.snapshots.has(1);
              gate.tell({kind: 'aborted', checkpointId: 1, now: gate.now});
            }
            count += 1;
            gate.move(gate.moves()[stream.next().value! % gate.moves().length]!);
          }
          check(gate, texts, mode);
          expect(gate.snapshots.has(1)).toBe(taken || count <= abortAfter);
          expect(gate.whole.has(2)).toBe(true);
          expect(gate.blocked.size).toBe(0);
          expect(gate.recordingCount).toBe(0);
        },
      ),
      {numRuns: 800 * PROOF},
    );
  });
});

describe('single transitions', () => {
  const aligned = {kind: 'aligned'} as const;
  const barrier = (channel: number, checkpointId: number): AlignerEvent => ({
    kind: 'barrier',
    channel,
    barrier: {checkpointId, alignment: aligned, triggeredAt: 0},
    overtook: false,
    now: 0,
  });
  function run(count: number, ...events: readonly AlignerEvent[]): readonly string[] {
    let state = startAligner(count);
    const said: string[] = [];
    for (const event of events) {
      const step = align(state, event);
      state = step.state;
      for (const decision of step.decisions) {
        const what = 'checkpointId' in decision ? ` ${decision.checkpointId}` : '';
        const channels = 'channels' in decision ? ` [${decision.channels.join()}]` : '';
        said.push(decision.kind + what + channels);
      }
    }
    return said;
  }

  test('with one channel there is no block', () => {
    expect(run(1, barrier(0, 1))).toEqual(['snapshot 1']);
  });

  test('the channels whose barrier has come are blocked until the last', () => {
    expect(run(3, barrier(2, 1), barrier(0, 1), barrier(1, 1))).toEqual([
      'block [2]',
      'block [0]',
      'snapshot 1',
      'unblock [0,2]',
    ]);
  });

  test('the announcement of an aligned barrier says nothing', () => {
    const announced: AlignerEvent = {...barrier(1, 2), kind: 'announced'} as AlignerEvent;
    expect(run(2, barrier(0, 1), announced, barrier(1, 1))).toEqual([
      'block [0]',
      'snapshot 1',
      'unblock [0]',
    ]);
  });

  test('a newer barrier ends the older checkpoint', () => {
    expect(run(2, barrier(0, 1), barrier(1, 2))).toEqual([
      'block [0]',
      'unblock [0]',
      'decline 1',
      'block [1]',
    ]);
  });

  test('barrier 2 may come before cancel 1: the cancel does nothing any more', () => {
    const cancel: AlignerEvent = {kind: 'cancel', channel: 0, checkpointId: 1, now: 0};
    expect(run(2, barrier(1, 2), cancel, barrier(0, 2))).toEqual([
      'block [1]',
      'snapshot 2',
      'unblock [1]',
    ]);
  });

  test('an input that ends completes the alignment that waited for it', () => {
    const end: AlignerEvent = {kind: 'end', channel: 1, now: 0};
    expect(run(2, barrier(0, 1), end)).toEqual(['block [0]', 'snapshot 1', 'unblock [0]']);
    expect(run(2, end, barrier(0, 1))).toEqual(['snapshot 1']);
  });

  test('an older barrier is ignored and blocks nothing', () => {
    expect(run(2, barrier(0, 5), barrier(1, 5), barrier(0, 4))).toEqual([
      'block [0]',
      'snapshot 5',
      'unblock [0]',
    ]);
  });

  test('the barrier of a checkpoint that was aborted before it came does nothing', () => {
    const aborted: AlignerEvent = {kind: 'aborted', checkpointId: 2, now: 0};
    const events = [barrier(0, 1), aborted, barrier(1, 1), barrier(0, 2), barrier(1, 3)];
    expect(run(2, ...events, barrier(0, 3))).toEqual([
      'block [0]',
      'snapshot 1',
      'unblock [0]',
      'block [1]',
      'snapshot 3',
      'unblock [1]',
    ]);
  });

  test('at-least-once: a checkpoint that completes gives up the older ones', () => {
    let state = startTracker(2);
    const said: string[] = [];
    for (const event of [barrier(0, 1), barrier(0, 2), barrier(1, 2), barrier(1, 1)]) {
      const step = track(state, event);
      state = step.state;
      for (const decision of step.decisions) {
        if ('checkpointId' in decision) said.push(`${decision.kind} ${decision.checkpointId}`);
      }
    }
    expect(said).toEqual(['decline 1', 'snapshot 2']);
  });

  test('at-least-once: of too many at once the oldest is given up', () => {
    let state = startTracker(2);
    let declined: AlignerDecision[] = [];
    for (let id = 1; id <= TRACKED_CHECKPOINTS_MAX + 1; id += 1) {
      const step = track(state, barrier(0, id));
      state = step.state;
      declined = [...declined, ...step.decisions];
    }
    expect(declined).toMatchObject([{kind: 'decline', checkpointId: 1}]);
  });

  test('with a timeout, the snapshot is taken when the time is over and channel state follows', () => {
    const alignment = {kind: 'aligned-with-timeout', timeoutMillis: 10} as const;
    const of = (channel: number, now: number): AlignerEvent =>
      ({
        ...barrier(channel, 1),
        barrier: {checkpointId: 1, alignment, triggeredAt: 0},
        now,
      }) as AlignerEvent;
    expect(run(2, of(0, 1), {kind: 'timer', now: 10}, of(1, 12))).toEqual([
      'set-timer',
      'block [0]',
      'clear-timer',
      'start-recording 1 [1]',
      'snapshot 1',
      'block [1]',
      'stop-recording 1',
      'recording-complete 1',
      'unblock [0,1]',
    ]);
  });
});
