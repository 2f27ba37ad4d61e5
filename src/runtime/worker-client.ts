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

type ReplyMessage<Reply, Note> =
  | {readonly id: number; readonly kind: 'note'; readonly note: Note}
  | {readonly id: number; readonly kind: 'done'; readonly reply: Reply}
  | {readonly id: number; readonly kind: 'failed'; readonly error: SerializedError};

interface PendingCall<Reply, Note> {
  readonly onNote: ((note: Note) => void) | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the thread at the first call. */
export class ThreadClient<Request, Reply, Note = never> implements WorkerClient<Request, Reply> {
  readonly #entry: URL;
  readonly #name: string;
  readonly #pending = new Map<number, PendingCall<Reply, Note>>();
  #worker: Worker | null = null;
  #lastId = 0;

  constructor(entry: URL, name: string) {
    this.#entry = entry;
    this.#name = name;
  }

  /** `onNote`: hears what the thread tells before its reply. */
  async call(
    request: Request,
    transfer: readonly ArrayBuffer[] = [],
    onNote?: (note: Note) => void,
  ): Promise<Reply> {
    this.#worker ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const message: RequestMessage<Request> = {id, request};
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#pending.set(id, {resolve, reject, onNote});
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
    worker.on('message', (message: ReplyMessage<Reply, Note>) => {
      const call = must(this.#pending.get(message.id), `call ${message.id}`);
      if (message.kind === 'note') {
        call.onNote?.(message.note);
        return;
      }
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

/** The inside of a helper thread: answers each request with `handle`, which may tell how far it is. */
export function serveRequests(
  handle: (request: never, tell: (note: unknown) => void) => Promise<unknown>,
): void {
  const port = must(parentPort, 'parent port of a helper thread');
  port.on('message', ({id, request}: RequestMessage<never>) => {
    const tell = (note: unknown): void => port.postMessage({id, kind: 'note', note});
    handle(request, tell).then(
      (reply) => port.postMessage({id, kind: 'done', reply}),
      (error: unknown) => port.postMessage({id, kind: 'failed', error: serializeError(error)}),
    );
  });
}
