// One request to a job's control socket. What the server says went wrong comes back as the error it was; what it
// did not say in time is TIMED_OUT.

import {request as httpRequest} from 'node:http';

import {
  ERROR_CODES,
  EngineError,
  messageOf,
  systemErrorCode,
  type ErrorCode,
} from '../base/errors.ts';
import {systemTimers} from '../base/clock.ts';
import {ERROR_HEADER} from './error-header.ts';
import {isObject, parseObject} from './job-record.ts';

const REPLY_BYTES_MAX = 16 * 1024 * 1024;

export interface SocketRequest {
  readonly socket: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: object;
  readonly timeoutMillis: number;
}

/** Nobody is there: the process has ended, or is about to. */
export class UnreachableError extends Error {}

export async function requestJson(request: SocketRequest): Promise<Record<string, unknown>> {
  const {status, text, errorHeader} = await exchange(request);
  const fields = parseObject(text);
  if (status >= 200 && status < 300 && fields !== null) return fields;
  throw decodeError(status, fields, errorHeader);
}

async function exchange({
  socket,
  method,
  path,
  body,
  timeoutMillis,
}: SocketRequest): Promise<{status: number; text: string; errorHeader: string | null}> {
  const payload = JSON.stringify(body ?? {});
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = systemTimers.after(Math.max(1, timeoutMillis), () => {
      isOver = true;
      outgoing.destroy();
    });
    const fail = (error: unknown): void => {
      timer.cancel();
      reject(isOver ? noAnswer(timeoutMillis) : connectionError(error));
    };
    const outgoing = httpRequest(
      {
        socketPath: socket,
        method,
        path,
        agent: false,
        headers: {
          host: 'localhost',
          connection: 'close',
          'content-type': 'application/json; charset=UTF-8',
          'content-length': Buffer.byteLength(payload),
        },
      },
      (response) => {
        const pieces: Buffer[] = [];
        let length = 0;
        response.on('data', (piece: Buffer) => {
          length += piece.length;
          if (length > REPLY_BYTES_MAX) outgoing.destroy(new Error('the answer is too long'));
          else pieces.push(piece);
        });
        response.on('error', fail);
        response.on('end', () => {
          timer.cancel();
          const header = response.headers[ERROR_HEADER];
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(pieces).toString('utf8'),
            errorHeader: typeof header === 'string' ? header : null,
          });
        });
      },
    );
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}

function noAnswer(timeoutMillis: number): EngineError {
  return new EngineError('TIMED_OUT', `the job did not answer within ${timeoutMillis} ms`, {
    hint: 'its process may be stopped or overloaded: try again, or look at its logs',
  });
}

function connectionError(error: unknown): Error {
  const isGone = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(
    systemErrorCode(error) ?? '',
  );
  const message = messageOf(error);
  if (isGone) return new UnreachableError(message);
  return new EngineError('UNEXPECTED', `the control socket: ${message}`, {cause: error});
}

function decodeError(
  status: number,
  fields: Record<string, unknown> | null,
  header: string | null,
): EngineError {
  const own = header === null ? null : decodeHeader(header);
  if (own !== null) return own;
  const errors = fields?.['errors'];
  const message =
    Array.isArray(errors) && typeof errors[0] === 'string' ? errors[0] : `status ${status}`;
  return new EngineError(status === 404 ? 'NOT_FOUND' : 'UNEXPECTED', message);
}

function decodeHeader(header: string): EngineError | null {
  let text: string;
  try {
    text = decodeURIComponent(header);
  } catch {
    // Cut off: the answer's body has the sentence.
    return null;
  }
  const fields = parseObject(text);
  const code = fields?.['code'];
  if (fields === null || typeof code !== 'string' || !(code in ERROR_CODES)) return null;
  const textOr = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' ? value : undefined;
  };
  const facts = fields['facts'];
  return new EngineError(code as ErrorCode, textOr('message') ?? 'refused', {
    hint: textOr('hint'),
    file: textOr('file'),
    facts: isObject(facts) ? facts : undefined,
  });
}
