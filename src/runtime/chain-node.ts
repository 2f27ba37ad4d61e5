// One operator inside a task, and the ways out of it. A task's operators form a tree under its input
// gate: a batch goes from node to node as a plain call.

import {INPUT_ENDED_STATE} from '../checkpoint/inline-states.ts';
import type {
  OperatorSnapshot,
  StateHandle,
  SubtaskMetadata,
} from '../checkpoint/checkpoint-metadata.ts';
import type {Operator, Output, SnapshotTarget} from '../operators/operator.ts';
import type {RecordBatch} from '../records/record-batch.ts';
import {must} from '../base/assert.ts';

/** Where elements go: another node of the same task, or a channel to the gate of another task. */
export interface Target {
  receive(batch: RecordBatch): void;
  /** Event time has reached `time` for all that comes on this way. */
  advanceWatermark(time: number): void;
  /** An idle input does not hold back event time. */
  setIdle(idle: boolean): void;
  endInput(): void;
}

/** A set of targets; every element goes to each of them. */
export class Fan implements Target {
  readonly #targets: Target[] = [];

  add(target: Target): void {
    this.#targets.push(target);
  }

  receive(batch: RecordBatch): void {
    for (const target of this.#targets) target.receive(batch);
  }

  advanceWatermark(time: number): void {
    for (const target of this.#targets) target.advanceWatermark(time);
  }

  setIdle(idle: boolean): void {
    for (const target of this.#targets) target.setIdle(idle);
  }

  endInput(): void {
    for (const target of this.#targets) target.endInput();
  }
}

/** The ways out of one operator: the main output and its named side outputs. */
export class NodeOutput implements Output {
  readonly main = new Fan();
  readonly #sides = new Map<string, Fan>();

  /** The fan of one side output, made on first use. */
  side(name: string): Fan {
    let fan = this.#sides.get(name);
    if (fan === undefined) {
      fan = new Fan();
      this.#sides.set(name, fan);
    }
    return fan;
  }

  emit(batch: RecordBatch): void {
    if (batch.selectedCount > 0) this.main.receive(batch);
  }

  emitTo(sideOutput: string, batch: RecordBatch): void {
    if (batch.selectedCount > 0) this.#sides.get(sideOutput)?.receive(batch);
  }

  /** Applies `action` to the main output, then to the side outputs. */
  each(action: (fan: Fan) => void): void {
    action(this.main);
    for (const fan of this.#sides.values()) action(fan);
  }
}

/** In a snapshot: `endInput` came before the barrier. */
const INPUT_ENDED: StateHandle = {
  location: 'inline',
  name: INPUT_ENDED_STATE,
  kind: 'operator',
  codecVersion: 1,
  value: true,
};

/** Had the input of this subtask ended when it was taken? */
export function hadInputEnded({states}: SubtaskMetadata): boolean {
  return states.some(({name}) => name === INPUT_ENDED_STATE);
}

export interface ChainNodeOptions {
  /** States that go into every snapshot beside the operator's own. */
  readonly description: readonly StateHandle[];
  /** It keeps state, so that its end is part of it. */
  readonly stateful: boolean;
  /** As restored. */
  readonly inputEnded: boolean;
}

/** An operator with its outputs, fed by the one input of its place in the tree. */
export class ChainNode implements Target {
  readonly uid: string;
  readonly output: NodeOutput;
  readonly #description: readonly StateHandle[];
  readonly #stateful: boolean;
  #operator: Operator | null = null;
  /** The operator has been told of the end of its input: what it emits then is in the snapshots. */
  #inputEnded: boolean;

  constructor(uid: string, output: NodeOutput, options: ChainNodeOptions) {
    this.uid = uid;
    this.output = output;
    this.#description = options.description;
    this.#stateful = options.stateful;
    this.#inputEnded = options.inputEnded;
  }

  /** The operator is made after the node, because it is handed the node's output. */
  attach(operator: Operator): void {
    this.#operator = operator;
  }

  get operator(): Operator {
    return must(this.#operator, `operator of ${this.uid}`);
  }

  /** As `Operator.snapshot`, with what the state says of itself. */
  async snapshot(target: SnapshotTarget): Promise<OperatorSnapshot> {
    const ended = this.#inputEnded && this.#stateful ? [INPUT_ENDED] : [];
    const snapshot = await this.operator.snapshot(target);
    const {subtask} = snapshot;
    const states = [...subtask.states, ...this.#description, ...ended];
    return {...snapshot, subtask: {...subtask, states}};
  }

  receive(batch: RecordBatch): void {
    this.operator.process(batch, 0);
  }

  advanceWatermark(time: number): void {
    this.operator.advanceWatermark(time);
    this.output.each((fan) => fan.advanceWatermark(time));
  }

  setIdle(idle: boolean): void {
    this.output.each((fan) => fan.setIdle(idle));
  }

  endInput(): void {
    // Told once in the life of the state: a restored source ends again, and its rows are out already.
    if (!this.#inputEnded) this.operator.endInput();
    this.#inputEnded = true;
    this.output.each((fan) => fan.endInput());
  }
}
