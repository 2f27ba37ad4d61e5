/**
 * A helper thread seen from the room that uses it; `runtime/` makes them, so that no other room
 * knows about threads. One request is answered by one reply, in any order.
 */
export interface WorkerClient<Request, Reply> {
  /** `transfer` lists buffers that change owner. Rejects with the worker's own error. */
  call(request: Request, transfer?: readonly ArrayBuffer[]): Promise<Reply>;
  /** Ends the thread; pending calls reject. */
  close(): Promise<void>;
}
