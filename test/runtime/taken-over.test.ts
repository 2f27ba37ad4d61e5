// Which old subtasks of a keyed operator a new one takes over, and whether its input counts as ended: a group whose
// results are out is never sent again, and one whose are not is never lost, at any parallelism.

import fc from 'fast-check';
import {expect, test} from 'vitest';

import {keyGroupRangeOf} from '#src/base/key-groups.js';
import type {SubtaskMetadata} from '#src/checkpoint/checkpoint-metadata.js';
import {emptyKeyGroup} from '#src/keys/key-groups-kernel.js';
import {takenOver} from '#src/runtime/taken-over.js';

const GROUPS = 12;

function subtask(index: number, ended: boolean): SubtaskMetadata {
  const mark = {
    location: 'inline',
    name: 'input-ended',
    kind: 'operator',
    codecVersion: 1,
  } as const;
  return {index, states: ended ? [{...mark, value: true}] : [], watermark: null};
}

const endings = fc.array(fc.boolean(), {minLength: 1, maxLength: GROUPS});

test('each key group goes out exactly once, before the checkpoint or after the restore', () => {
  fc.assert(
    fc.property(endings, fc.integer({min: 1, max: GROUPS}), (ended, parallelism) => {
      const restored = ended.map((each, index) => subtask(index, each));
      for (let index = 0; index < parallelism; index += 1) {
        const keyGroups = keyGroupRangeOf(index, parallelism, GROUPS);
        const taken = takenOver({restored, keyGroups, maxParallelism: GROUPS, global: false});
        for (let group = keyGroups.start; group <= keyGroups.end; group += 1) {
          const old = restored.findIndex((_, from) => {
            const {start, end} = keyGroupRangeOf(from, restored.length, GROUPS);
            return group >= start && group <= end;
          });
          const isOut = ended[old]!;
          const goesOut = !taken.inputEnded && taken.subtasks.some((each) => each.index === old);
          expect(goesOut).toBe(!isOut);
        }
      }
    }),
  );
});

test('the one group of a key without columns goes out exactly once too', () => {
  const group = emptyKeyGroup(GROUPS);
  fc.assert(
    fc.property(endings, fc.integer({min: 1, max: GROUPS}), (ended, parallelism) => {
      const restored = ended.map((each, index) => subtask(index, each));
      const old = restored.findIndex((_, from) => {
        const {start, end} = keyGroupRangeOf(from, restored.length, GROUPS);
        return group >= start && group <= end;
      });
      for (let index = 0; index < parallelism; index += 1) {
        const keyGroups = keyGroupRangeOf(index, parallelism, GROUPS);
        const taken = takenOver({restored, keyGroups, maxParallelism: GROUPS, global: true});
        if (group < keyGroups.start || group > keyGroups.end) {
          expect(taken).toEqual({subtasks: [], inputEnded: false});
        } else {
          expect(taken.subtasks.map((each) => each.index)).toEqual([old]);
          expect(taken.inputEnded).toBe(ended[old]);
        }
      }
    }),
  );
});
