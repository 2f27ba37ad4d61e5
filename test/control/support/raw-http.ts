// Bytes to a socket and what comes back until it is closed: no HTTP client of ours in between.

import {connect} from 'node:net';

export interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export async function sendRaw(
  address: string | number,
  pieces: readonly (string | Uint8Array)[],
): Promise<RawReply> {
  const received = await new Promise<string>((resolve, reject) => {
    const socket =
      typeof address === 'string' ? connect(address) : connect({host: '127.0.0.1', port: address});
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server has answered and closed while we still sent.
      if (text === '') reject(error);
      else resolve(text);
    });
    socket.on('close', () => resolve(text));
    for (const piece of pieces) socket.write(piece);
  });
  return parseReply(received);
}

export function parseReply(text: string): RawReply {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return {status: Number(first.split(' ')[1]), headers, body: text.slice(end + 4)};
}

export function head(request: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {host: 'localhost', connection: 'close', ...headers};
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${request} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export function withBody(
  request: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  return head(request, {'content-length': String(Buffer.byteLength(body)), ...headers}) + body;
}
