// Request and reply over a helper thread; the inside is `serveRequests`.

import {parentPort, Worker} from 'node:worker_threads';

import {must} from '../base/assert.ts';
import {
  deserializeError,
  EngineError,
  serializeError,
  type SerializedError,
} from '../base/errors.ts';
import type {WorkerClient} from '../base/worker-pool.ts';

interface RequestMessage<Request> {
  readonly id: number;
  readonly request: Request;
}

type ReplyMessage<Reply> =
  | {readonly id: number; readonly kind: 'done'; readonly reply: Reply}
  | {readonly id: number; readonly kind: 'failed'; readonly error: SerializedError};

interface PendingCall<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the thread at the first call. */
export class ThreadClient<Request, Reply> implements WorkerClient<Request, Reply> {
  readonly #entry: URL;
  readonly #name: string;
  readonly #pending = new Map<number, PendingCall<Reply>>();
  #worker: Worker | null = null;
  #lastId = 0;

  constructor(entry: URL, name: string) {
    this.#entry = entry;
    this.#name = name;
  }

  async call(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Reply> {
    this.#worker ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const message: RequestMessage<Request> = {id, request};
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#pending.set(id, {resolve, reject});
    });
    this.#worker.postMessage(message, transfer);
    return reply;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }

  #start(): Worker {
    const worker = new Worker(this.#entry, {name: this.#name});
    let death: unknown = null;
    worker.on('message', (message: ReplyMessage<Reply>) => {
      const call = must(this.#pending.get(message.id), `call ${message.id}`);
      this.#pending.delete(message.id);
      if (message.kind === 'done') call.resolve(message.reply);
      else call.reject(deserializeError(message.error));
    });
    worker.on('error', (error) => {
      death = error;
    });
    worker.on('exit', () => {
      const cause = death ?? new EngineError('JOB_FAILED', `the ${this.#name} thread is gone`);
      for (const call of this.#pending.values()) call.reject(cause);
      this.#pending.clear();
      this.#worker = null;
    });
    return worker;
  }
}

/** The inside of a helper thread: answers each request with `handle`. */
export function serveRequests(handle: (request: never) => Promise<unknown>): void {
  const port = must(parentPort, 'parent port of a helper thread');
  port.on('message', ({id, request}: RequestMessage<never>) => {
    handle(request).then(
      (reply) => port.postMessage({id, kind: 'done', reply}),
      (error: unknown) => port.postMessage({id, kind: 'failed', error: serializeError(error)}),
    );
  });
}
