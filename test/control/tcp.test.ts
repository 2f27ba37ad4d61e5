// The TCP port of `--listen`: loopback only, a token that only its owner can read, no web page, no other host's name.

import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {SeededRandom} from '#src/base/random.js';
import type {ControlListener} from '#src/control/http-shell.js';
import {
  openTcp,
  parseListenAddress,
  readOrMakeToken,
  type TcpListening,
} from '#src/control/tcp-listener.js';
import {head, sendRaw} from './support/raw-http.js';

let directory: string;
let tokenFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tcp-'));
  tokenFile = join(directory, 'token');
});
afterEach(() => {
  rmSync(directory, {recursive: true});
});

describe('requests', () => {
  let listener: ControlListener;
  let listening: TcpListening;
  let port: number;
  let authorization: string;
  let handled = 0;
  beforeEach(async () => {
    handled = 0;
    ({listener, listening} = await openTcp({
      address: '127.0.0.1:0',
      tokenFile,
      random: new SeededRandom(3),
      handler: async () => {
        handled += 1;
        return Promise.resolve({status: 200, body: {}});
      },
    }));
    port = Number(listening.url.split(':')[2]);
    authorization = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;
  });
  afterEach(async () => {
    listener.server.closeAllConnections();
    await listener.close();
  });

  test.each(['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', 'localhost:1234'])(
    'with the token and the host %s is answered',
    async (host) => {
      const {status} = await sendRaw(port, [head('GET /jobs', {host, authorization})]);
      expect({status, handled}).toEqual({status: 200, handled: 1});
    },
  );

  test.each<[string, Record<string, string>, number]>([
    ['no token', {}, 401],
    ['a wrong token', {authorization: `Bearer ${'0'.repeat(64)}`}, 401],
    ['the token without its scheme', {authorization: 'x'}, 401],
    ['another host (rebinding)', {host: 'evil.example', authorization: 'token'}, 403],
    ['a host that begins alike', {host: 'localhost.evil.example', authorization: 'token'}, 403],
    ['an origin', {origin: 'http://localhost', authorization: 'token'}, 403],
    ['the origin null', {origin: 'null', authorization: 'token'}, 403],
  ])('%s is refused, in JSON, before anything is done', async (_what, headers, expected) => {
    const given = {...headers};
    if (given['authorization'] === 'token') given['authorization'] = authorization;
    const {status, body} = await sendRaw(port, [head('GET /jobs', given)]);
    expect(status).toBe(expected);
    expect(JSON.parse(body)).toEqual({errors: [expect.any(String)]});
    expect(handled).toBe(0);
  });

  test('a port in use is ALREADY_RUNNING', async () => {
    const again = openTcp({
      address: `127.0.0.1:${port}`,
      tokenFile,
      random: new SeededRandom(3),
      handler: async () => Promise.reject(new Error('no')),
    });
    await expect(again).rejects.toMatchObject({code: 'ALREADY_RUNNING'});
  });
});

describe('the token', () => {
  const random = new SeededRandom(5);

  test('is made with mode 600, once', () => {
    const token = readOrMakeToken(tokenFile, random);
    expect((statSync(tokenFile).mode & 0o777).toString(8)).toBe('600');
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(readOrMakeToken(tokenFile, random)).toBe(token);
  });

  test.each([0o644, 0o640, 0o604])('that others can read (mode %o) is refused', (mode) => {
    readOrMakeToken(tokenFile, random);
    chmodSync(tokenFile, mode);
    expect(() => readOrMakeToken(tokenFile, random)).toThrow(/read by others/);
  });

  test('that is a link is refused, and what it points to is left alone', () => {
    const other = join(directory, 'other');
    writeFileSync(other, 'precious', {mode: 0o600});
    symlinkSync(other, tokenFile);
    expect(() => readOrMakeToken(tokenFile, random)).toThrow(
      expect.objectContaining({code: 'REFUSED'}),
    );
    expect(readFileSync(other, 'utf8')).toBe('precious');
  });

  test('that is empty is refused', () => {
    writeFileSync(tokenFile, '', {mode: 0o600});
    expect(() => readOrMakeToken(tokenFile, random)).toThrow(/holds no token/);
  });
});

describe('the address', () => {
  test.each([
    ['127.0.0.1:8081', {host: '127.0.0.1', port: 8081}],
    ['localhost:0', {host: '127.0.0.1', port: 0}],
    ['[::1]:8081', {host: '::1', port: 8081}],
  ])('%s', (text, parsed) => {
    expect(parseListenAddress(text)).toEqual(parsed);
  });

  test.each([
    ['0.0.0.0:8081', 'REFUSED'],
    ['192.168.0.4:8081', 'REFUSED'],
    ['[::]:8081', 'REFUSED'],
    ['example.org:80', 'REFUSED'],
    ['127.0.0.1', 'USAGE'],
    ['8081', 'USAGE'],
    ['127.0.0.1:99999', 'USAGE'],
    ['127.0.0.1:-1', 'USAGE'],
    ['http://127.0.0.1:80', 'USAGE'],
  ])('%s is %s', (text, code) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({code}));
  });
});
