// `--listen`: the same endpoints on loopback, for Flink's client and for Prometheus. Whoever has an account on this
// machine can reach the port, and every web page that its browser shows; so: a bearer token from a file that only
// its owner reads, a list of host names that a page cannot have, and nothing with an `Origin`.

import {createHash, timingSafeEqual} from 'node:crypto';
import {constants, lstatSync, openSync, closeSync, readFileSync, writeSync} from 'node:fs';
import type {IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';

import {EngineError, systemErrorCode} from '../base/errors.ts';
import type {Random} from '../base/random.ts';
import {
  HttpError,
  refuseOrigin,
  serveControl,
  type ControlHandler,
  type ControlListener,
  type Gatekeeper,
} from './http-shell.ts';

const TOKEN_BYTES = 32;
const HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

export interface TcpListening {
  /** `http://127.0.0.1:8081` */
  readonly url: string;
  readonly tokenFile: string;
}

export interface TcpOptions {
  readonly address: string;
  readonly tokenFile: string;
  readonly random: Random;
  readonly handler: ControlHandler;
}

export async function openTcp(
  options: TcpOptions,
): Promise<{readonly listener: ControlListener; readonly listening: TcpListening}> {
  const {host, port} = parseListenAddress(options.address);
  const token = readOrMakeToken(options.tokenFile, options.random);
  const listener = serveControl(options.handler, gatekeeperOf(token));
  const {server} = listener;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(options.address, error)));
    server.listen({host, port, exclusive: true}, resolve);
  });
  const {port: actual} = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    listener,
    listening: {url: `http://${shown}:${actual}`, tokenFile: options.tokenFile},
  };
}

/** `127.0.0.1:8081`, `localhost:0`, `[::1]:8081`. USAGE for anything else; REFUSED for what is not loopback. */
export function parseListenAddress(text: string): {readonly host: string; readonly port: number} {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new EngineError('USAGE', `--listen ${text} is no address`, {
      hint: 'write it like 127.0.0.1:8081; port 0 takes a free one',
    });
  }
  const host = match[1]!;
  if (!HOSTS.includes(host)) {
    throw new EngineError('REFUSED', `--listen ${text}: only loopback is served, not ${host}`, {
      hint: 'write 127.0.0.1, and let a proxy with TLS stand before it for other machines',
    });
  }
  return {host: host === 'localhost' ? '127.0.0.1' : host.replaceAll(/[[\]]/g, ''), port};
}

function cannotListen(address: string, error: unknown): EngineError {
  const code = systemErrorCode(error) ?? 'unknown';
  return code === 'EADDRINUSE'
    ? new EngineError('ALREADY_RUNNING', `--listen ${address}: the port is in use`, {
        hint: 'name another port; port 0 takes a free one',
        cause: error,
      })
    : new EngineError('USAGE', `--listen ${address}: ${code}`, {
        hint: 'name another port; port 0 takes a free one',
        cause: error,
      });
}

/** Made when it is absent; REFUSED when anybody else may read it. */
export function readOrMakeToken(path: string, random: Random): string {
  const {O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW} = constants;
  try {
    const file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      writeSync(file, `${random.hex(TOKEN_BYTES)}\n`);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
  const status = lstatSync(path);
  const isOwn = status.isFile() && status.uid === (process.getuid?.() ?? status.uid);
  if (!isOwn || (status.mode & 0o077) !== 0) {
    throw new EngineError('REFUSED', `${path} can be read by others, or is no file of yours`, {
      file: path,
      hint: `remove it: a token is made again; whoever has read it has control of the job`,
    });
  }
  const token = readFileSync(path, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(token)) {
    throw new EngineError('REFUSED', `${path} holds no token`, {
      file: path,
      hint: 'remove it: a token is made again',
    });
  }
  return token;
}

function gatekeeperOf(token: string): Gatekeeper {
  const expected = digest(`Bearer ${token}`);
  return (request) => {
    const origin = refuseOrigin(request);
    if (origin !== null) return origin;
    if (!isAllowedHost(request)) {
      return new HttpError(403, `the host must be one of ${HOSTS.join(', ')}`);
    }
    const given = digest(request.headers.authorization ?? '');
    if (timingSafeEqual(given, expected)) return null;
    return new HttpError(401, 'a bearer token is needed: Authorization: Bearer <token>', {
      headers: {'www-authenticate': 'Bearer'},
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Any port: a tunnel may have another one. */
function isAllowedHost({headers}: IncomingMessage): boolean {
  const host = headers.host?.toLowerCase().replace(/:\d{1,5}$/, '');
  return host !== undefined && HOSTS.includes(host);
}
