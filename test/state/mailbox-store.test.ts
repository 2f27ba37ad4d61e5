// Promise: a task that sleeps for its store is woken with an error when the thread of the store is dead, silent, or could not write; and
// a store that failed once is never asked again. The thread is a stand-in that answers, or does not, before the task sleeps.
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import {expect, test} from 'vitest';
import {EngineError, serializeError} from '#src/base/errors.js';
import {
  BROKEN,
  DEAD,
  DONE,
  FAILED,
  LENGTH,
  Mailbox,
  PROGRESS,
  STATE,
  WRITTEN,
  type StoreCall,
} from '#src/state/rocksdb/mailbox.js';
import {MailboxStore} from '#src/state/rocksdb/mailbox-store.js';
import {PackedList} from '#src/state/rocksdb/packed-list.js';
import type {RowStore} from '#src/state/rocksdb/row-store.js';
import {WriteBatch} from '#src/state/rocksdb/write-batch.js';
import {STORE_OPTIONS} from './support/store-options.ts';

type Answer = (call: StoreCall, mailbox: Mailbox) => void;

async function storeOver(answer: Answer): Promise<{store: RowStore; terminated: () => boolean}> {
  let terminated = false;
  const request = {directory: '/db', families: [], options: STORE_OPTIONS, what: 'by-user'};
  const store = await MailboxStore.open(
    request,
    ({memory}, listener) => {
      const mailbox = new Mailbox(memory);
      queueMicrotask(() => listener.news({kind: 'opened'}));
      return {
        post: (call) => answer(call, mailbox),
        terminate: async () => {
          terminated = true;
          return Promise.resolve();
        },
      };
    },
    5,
  );
  return {store, terminated: () => terminated};
}

const done: Answer = (call, {words}) => {
  if (call.kind === 'write') {
    Atomics.store(words, WRITTEN, call.ticket);
    Atomics.add(words, PROGRESS, 1);
  } else Atomics.store(words, STATE, DONE);
};

function aBatch(): WriteBatch {
  const batch = new WriteBatch();
  batch.delete(0, Buffer.from('a'));
  return batch;
}

/** Every call is refused with the error of the first that failed; closing ends the thread. */
async function expectGivenUp(
  {store, terminated}: Awaited<ReturnType<typeof storeOver>>,
  message: RegExp,
): Promise<void> {
  expect(() => store.getMany(0, new PackedList())).toThrow(message);
  expect(() => store.write(aBatch())).toThrow(message);
  await expect(store.checkpoint('/staging')).rejects.toThrow(message);
  await store.close();
  expect(terminated()).toBe(true);
}

test('a thread that does not answer is given up', async () => {
  const over = await storeOver(() => undefined);
  const message = /the RocksDB thread of by-user has not answered/;
  expect(() => over.store.getMany(0, new PackedList())).toThrow(message);
  await expectGivenUp(over, message);
});

test('a thread that died wakes who waits for an answer, and who waits for a write', async () => {
  const dies: Answer = (_call, {words}) => {
    Atomics.store(words, STATE, DEAD);
    Atomics.add(words, PROGRESS, 1);
  };
  const first = await storeOver(dies);
  const message = /the RocksDB thread of by-user is gone/;
  expect(() => first.store.openFamilies(['rows'])).toThrow(message);
  await expectGivenUp(first, message);
  const second = await storeOver(dies);
  const ticket = second.store.write(aBatch());
  expect(() => second.store.settle(ticket)).toThrow(message);
  await expectGivenUp(second, message);
});

test('a write that gets on no further is given up; one that is done is known', async () => {
  const over = await storeOver((call, mailbox) => {
    if (call.kind === 'write' && call.ticket <= 2) done(call, mailbox);
  });
  const {store} = over;
  expect([store.write(aBatch()), store.write(aBatch())]).toEqual([1, 2]);
  store.settle(2);
  expect(store.written).toBe(2);
  const ticket = store.write(aBatch());
  expect(store.written).toBe(2);
  const message = /has not answered/;
  expect(() => store.settle(ticket)).toThrow(message);
  await expectGivenUp(over, message);
});

test('a scan is asked for once the writes before it are done, which may get on for longer than a call takes', async () => {
  const calls: string[] = [];
  const over = await storeOver((call, mailbox) => {
    calls.push(call.kind);
    if (call.kind !== 'write' || call.ticket === 1) done(call, mailbox);
  });
  const {store} = over;
  const range = {family: 0, from: new Uint8Array(0), isAfter: false, to: null, limit: 1};
  store.write(aBatch());
  expect(store.scan(range).keys.count).toBe(0);
  store.write(aBatch());
  expect(() => store.scan(range)).toThrow(/has not answered/);
  expect(calls).toEqual(['write', 'scan', 'write']);
  await expectGivenUp(over, /has not answered/);
});

test('who hands over more and more sleeps until it gets on', async () => {
  const over = await storeOver(() => undefined);
  const message = /has not answered/;
  expect(() => {
    for (let count = 0; count < 1000; count += 1) over.store.write(aBatch());
  }).toThrow(message);
  await expectGivenUp(over, message);
});

test('what failed to be written is told to who waits for it', async () => {
  const error = new EngineError('STORAGE_FAILED', 'writing the state of by-user failed: no space');
  const over = await storeOver((call, mailbox) => {
    const {words} = mailbox;
    if (call.kind === 'write') {
      Atomics.store(words, BROKEN, 1);
      Atomics.add(words, PROGRESS, 1);
      return;
    }
    expect(call.kind).toBe('settle');
    const text = new TextEncoder().encode(JSON.stringify(serializeError(error)));
    mailbox.writeBytes(text);
    Atomics.store(words, LENGTH, text.length);
    Atomics.store(words, STATE, FAILED);
  });
  const ticket = over.store.write(aBatch());
  const message = /writing the state of by-user failed: no space/;
  expect(() => over.store.settle(ticket)).toThrow(message);
  await expectGivenUp(over, message);
});

test('the notification of the answer before may come late: it wakes nobody for good', async () => {
  const late = `
    const {parentPort, workerData} = require('node:worker_threads');
    const words = new Int32Array(workerData);
    parentPort.on('message', () => {
      while (Atomics.notify(words, ${STATE}) === 0);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      Atomics.store(words, ${STATE}, ${DONE});
      Atomics.notify(words, ${STATE});
    });
    parentPort.postMessage('up');`;
  const request = {directory: '/db', families: [], options: STORE_OPTIONS, what: 'by-user'};
  const store = await MailboxStore.open(
    request,
    ({memory}, listener) => {
      const worker = new Worker(late, {eval: true, workerData: memory.words});
      const terminate = async (): Promise<void> => {
        await worker.terminate();
      };
      void once(worker, 'message').then(() => listener.news({kind: 'opened'}));
      return {
        post: ({kind}) => {
          if (kind === 'close') void terminate().then(() => listener.news({kind: 'closed'}));
          else worker.postMessage(kind);
        },
        terminate,
      };
    },
    10_000,
  );
  for (let calls = 0; calls < 3; calls += 1) store.openFamilies(['rows']);
  await store.close();
});
