// Restored in-flight data of one gate, element by element: one virtual channel for each old channel, with its own
// watermark. Of an exchange by key, only the rows of this subtask's key groups.

import {must} from '../base/assert.ts';
import type {KeyGroupRange} from '../base/key-groups.ts';
import {ReplayReader} from '../channels/replay.ts';
import type {ChannelElement} from '../channels/element.ts';
import type {KeyGroups} from '../keys/key-groups-kernel.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import type {Column} from '../records/column.ts';
import type {Schema} from '../records/schema.ts';
import {GateChannel} from './gate-channel.ts';

/** Which rows of an exchange by key are this subtask's. */
export interface KeyFilter {
  /** Indexes of the key columns. */
  readonly columns: readonly number[];
  readonly kernel: KeyGroups;
  readonly range: KeyGroupRange;
}

export interface ReplayedChannel {
  readonly edge: string;
  readonly from: number;
  readonly schema: Schema;
  readonly messages: readonly Uint8Array[];
  /** Null: all rows. */
  readonly filter: KeyFilter | null;
}

export class GateReplay {
  readonly #waiting: {readonly channel: GateChannel; readonly replayed: ReplayedChannel}[];
  #reader: ReplayReader | null = null;
  #groups = new Uint16Array(0);
  #selection = new Int32Array(0);

  constructor(channels: readonly ReplayedChannel[]) {
    this.#waiting = channels.map((replayed) => ({
      channel: new GateChannel(replayed.edge, replayed.from, null),
      replayed,
    }));
  }

  /** The virtual channels that are not empty yet. */
  get channels(): readonly GateChannel[] {
    return this.#waiting.map(({channel}) => channel);
  }

  /** The one that the last element came from. */
  get channel(): GateChannel {
    return this.#first.channel;
  }

  /** Lent until `release`; null: all are empty. */
  next(): ChannelElement | null {
    while (this.#waiting.length > 0) {
      const {replayed} = this.#first;
      this.#reader ??= new ReplayReader(replayed.schema, replayed.messages);
      const element = this.#reader.next();
      if (element !== null) return this.#filtered(element, replayed.filter);
      this.#reader = null;
      this.#waiting.shift();
    }
    return null;
  }

  get #first(): {readonly channel: GateChannel; readonly replayed: ReplayedChannel} {
    return must(this.#waiting[0], 'a channel that is replayed');
  }

  #filtered(element: ChannelElement, filter: KeyFilter | null): ChannelElement {
    if (element.kind !== 'batch' || filter === null) return element;
    return {...element, batch: this.#ownRows(element.batch, filter)};
  }

  #ownRows(batch: RecordBatch, {columns, kernel, range}: KeyFilter): RecordBatch {
    const {rowCount} = batch;
    if (this.#groups.length < rowCount) {
      this.#groups = new Uint16Array(rowCount);
      this.#selection = new Int32Array(rowCount);
    }
    const key = columns.map((index): Column => must(batch.columns[index], 'key column'));
    kernel(key, null, rowCount, this.#groups);
    let selectedCount = 0;
    for (let row = 0; row < rowCount; row += 1) {
      const group = this.#groups[row]!;
      if (group >= range.start && group <= range.end) this.#selection[selectedCount++] = row;
    }
    return {...batch, selection: this.#selection, selectedCount};
  }
}
