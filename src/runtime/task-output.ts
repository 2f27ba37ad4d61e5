import type {BarrierElement} from '../channels/element.ts';
import type {Target} from './chain-node.ts';
import type {InFlightMessages} from '../state/in-flight.ts';

/** A way out of a task: a call into the gate of another task of this thread, or an exchange with all subtasks of a chain. */
export interface TaskOutput extends Target {
  /** False: back-pressure. The task steps again when it is true. */
  canAccept(): boolean;
  /**
   * Sends the barrier on, by its alignment behind or ahead of what is queued. The promise gives what it
   * overtook here and rejects when the checkpoint is given up; null: nothing can be overtaken.
   */
  sendBarrier(barrier: BarrierElement): Promise<readonly InFlightMessages[]> | null;
  sendCancel(checkpointId: number): void;
}
