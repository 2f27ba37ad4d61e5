// HTTP around a handler: every limit, and every answer a JSON object, because Flink's client retries a minute long
// what is no JSON. The handler sees whole requests only; one that breaks a limit gets a 4xx and its connection
// is closed.

import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import {createServer} from 'node:http';
import type {Socket} from 'node:net';

import {asEngineError, EngineError, systemErrorCode} from '../base/errors.ts';
import {ERROR_HEADER} from './error-header.ts';
import {isObject} from './job-record.ts';

export const BODY_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
/** For the head of a request, and for all of it: a peer that dribbles is cut off. */
const HEADERS_MILLIS_MAX = 5_000;
const REQUEST_MILLIS_MAX = 10_000;
const IDLE_MILLIS_MAX = 15_000;
const CONNECTIONS_MAX = 64;
const TARGET_CHARACTERS_MAX = 4096;

export interface ControlRequest {
  readonly method: string;
  /** Without the query, `/v1` taken off. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** Empty: there was none. */
  readonly body: Readonly<Record<string, unknown>>;
  header(name: string): string | null;
}

export interface ControlReply {
  readonly status: number;
  /** A value for JSON, or text of the content type that is named. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type ControlHandler = (request: ControlRequest) => Promise<ControlReply>;
/** What a connection must pass before its request is looked at; null: it may. */
export type Gatekeeper = (request: IncomingMessage) => HttpError | null;

/** A status and a sentence for the peer; `cause` says more to a client of ours. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    options: {readonly cause?: unknown; readonly headers?: Readonly<Record<string, string>>} = {},
  ) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** A page in a browser sends one; nothing else does. */
export const refuseOrigin: Gatekeeper = (request) =>
  request.headers.origin === undefined
    ? null
    : new HttpError(403, 'requests from web pages are refused');

export interface ControlListener {
  readonly server: Server;
  /** Answers what is under way, refuses what comes; resolves when the last connection is closed. */
  close(): Promise<void>;
}

export function serveControl(handler: ControlHandler, gatekeeper: Gatekeeper): ControlListener {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_MILLIS_MAX,
    requestTimeout: REQUEST_MILLIS_MAX,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 1_000,
    insecureHTTPParser: false,
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = IDLE_MILLIS_MAX;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Nothing that a peer does may end the process: the job is in it.
    answer(handler, gatekeeper, request, response).catch(() => response.destroy());
  });
  // `Expect: 100-continue` is answered before the body is sent: nobody needs it here.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    send(response, errorReply(new HttpError(417, 'send the body at once')), true);
    request.resume();
  });
  for (const event of ['upgrade', 'connect'] as const) {
    server.on(event, (_request: IncomingMessage, socket: Socket) => {
      refuseSocket(socket, 400, 'no upgrade is offered here');
    });
  }
  server.on('clientError', (error: Error, socket: Socket) => {
    const [status, text] = malformed(systemErrorCode(error));
    refuseSocket(socket, status, text);
  });
  return {
    server,
    close: async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  handler: ControlHandler,
  gatekeeper: Gatekeeper,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const {socket} = request;
  let reply: ControlReply;
  let mustClose = false;
  try {
    const refused = gatekeeper(request);
    if (refused !== null) throw refused;
    const target = parseTarget(request.url ?? '');
    const body = parseBody(await readBody(request));
    reply = await handler({
      method: request.method ?? '',
      ...target,
      body,
      header: (name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? value : null;
      },
    });
  } catch (error) {
    reply = errorReply(error);
    mustClose = !request.complete;
  }
  if (response.destroyed) return;
  send(response, reply, mustClose);
  if (mustClose) {
    // The answer goes out; what the peer still sends is not read.
    response.once('finish', () => socket.destroySoon());
  }
}

function send(response: ServerResponse, reply: ControlReply, mustClose: boolean): void {
  const {contentType = 'application/json; charset=UTF-8'} = reply;
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(mustClose ? {connection: 'close'} : {}),
    ...reply.headers,
  });
  response.end(text);
}

/** Every failure in Flink's form: one field, `errors`. What a client of ours needs more is in a header. */
export function errorReply(thrown: unknown): ControlReply {
  if (thrown instanceof HttpError) {
    return {
      status: thrown.status,
      body: {errors: [thrown.message]},
      headers: {...thrown.headers, ...errorHeader(thrown.cause)},
    };
  }
  const error = asEngineError(thrown);
  return {
    status: statusOf(error),
    body: {errors: [error.message]},
    headers: errorHeader(error),
  };
}

function errorHeader(cause: unknown): Readonly<Record<string, string>> {
  if (!(cause instanceof EngineError)) return {};
  const {hint, file, facts} = cause.details;
  const fields = {code: cause.code, message: cause.message, hint, file, facts};
  return {[ERROR_HEADER]: encodeURIComponent(JSON.stringify(fields)).slice(0, 8192)};
}

/** 503 is never sent: Flink's client would ask again for a minute. */
function statusOf(error: EngineError): number {
  switch (error.code) {
    case 'NOT_FOUND':
      return 404;
    case 'USAGE':
    case 'REFUSED':
    case 'INCOMPATIBLE':
      return 400;
    case 'ALREADY_RUNNING':
      return 409;
    default:
      return 500;
  }
}

function parseTarget(target: string): Pick<ControlRequest, 'path' | 'query'> {
  if (target.length > TARGET_CHARACTERS_MAX) throw new HttpError(414, 'the path is too long');
  const [pathText = '', queryText = ''] = target.split('?', 2);
  let parts: string[];
  try {
    parts = pathText
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch (error) {
    throw new HttpError(400, 'the path is not UTF-8', {cause: error});
  }
  const path = parts[0] === 'v1' ? parts.slice(1) : parts;
  return {path, query: new URLSearchParams(queryText)};
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLong = new HttpError(413, `a body has at most ${BODY_BYTES_MAX} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLong;
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    length += (piece as Buffer).length;
    if (length > BODY_BYTES_MAX) throw tooLong;
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

function parseBody(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
  } catch (error) {
    const why = error instanceof TypeError ? 'the body is not UTF-8' : 'the body is not JSON';
    throw new HttpError(400, why);
  }
  if (!isObject(value)) throw new HttpError(400, 'the body is not a JSON object');
  return value;
}

function malformed(code: string | null): [status: number, text: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, `the headers have more than ${HEADER_BYTES_MAX} bytes`];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request took too long to arrive'];
    default:
      return [400, 'this is no HTTP request'];
  }
}

function refuseSocket(socket: Socket, status: number, text: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({errors: [text]});
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json; charset=UTF-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
