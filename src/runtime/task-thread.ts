// A task thread as its owner sees it. In the engine it is a worker thread (`workerThreads`), whose inside
// is `task-entry.ts`; the simulation runs the same loop on its own thread.

import {Worker} from 'node:worker_threads';

import {EngineError} from '../base/errors.ts';
import type {Deployment, FromTask, ToTask} from './task-messages.ts';

export interface TaskThreadListener {
  message(message: FromTask): void;
  /** The thread is gone: after `closed`, or because it died. Called once. */
  exited(error: unknown): void;
}

export interface TaskThread {
  post(message: ToTask): void;
  /** Ends the thread wherever it is; resolves when it is gone. */
  terminate(): Promise<void>;
}

/** Starts a thread for one deployment; it says `deployed` or `failed` by itself. */
export type StartTaskThread = (deployment: Deployment, listener: TaskThreadListener) => TaskThread;

/** Each thread is a worker thread that runs the module `entry`. */
export function workerThreads(entry: URL): StartTaskThread {
  return (deployment, listener) => new WorkerTaskThread(entry, deployment, listener);
}

class WorkerTaskThread implements TaskThread {
  readonly #worker: Worker;

  constructor(entry: URL, deployment: Deployment, listener: TaskThreadListener) {
    this.#worker = new Worker(entry, {workerData: deployment, name: `task-${deployment.subtask}`});
    let death: unknown = null;
    this.#worker.on('message', (message: FromTask) => listener.message(message));
    this.#worker.on('error', (error) => {
      death = error;
    });
    this.#worker.on('exit', (code) => {
      if (death === null && code !== 0) {
        death = new EngineError('JOB_FAILED', `the task thread ended with status ${code}`);
      }
      listener.exited(death);
    });
  }

  post(message: ToTask): void {
    this.#worker.postMessage(message);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
