// Shell lines that put a checkpoint into the scratch directory.

import {join} from 'node:path';
import {
  keyGroupsHandle,
  metadataOf,
  operatorOf,
  relative,
  subtaskOf,
} from '../../inspection/flink/support/metadata-bytes.ts';
import {ROOT} from '../tidemark.ts';

/** A savepoint with state: the kept one of test/formats. */
export const SAVED = {
  before: `cp -r '${join(ROOT, 'test/formats/kept/savepoint-canonical-0.1.0/files/savepoints')}'/* sp`,
};

/** A checkpoint of another run of that job. */
export const OF_THE_KEPT = {
  before: `cp -r '${join(ROOT, 'test/formats/kept/hashmap-full-0.1.0/files/state/kept/chk-5')}' chk`,
};

/** A savepoint of Apache Flink, of one operator whose state is a file of three bytes. */
const FLINK = metadataOf(3, [
  operatorOf({subtasks: [subtaskOf(0, keyGroupsHandle(relative('a', 3n)))]}),
]);
export const FROM_FLINK = {
  before: `mkdir fl && printf %s ${FLINK.toString('base64')} | base64 -d > fl/_metadata && printf abc > fl/a`,
};
