import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

// What a refused upload may still send before its connection is cut; enough for the largest one allowed.
const drainBytes = 64 * 1_048_576;

/**
 * The caller's body as a stream of its own. An owner may answer before it read everything (413): then the rest is read
 * and dropped, since closing at once would reset the connection and the caller would never see the answer.
 */
export function uploadBody(request: IncomingMessage): Readable {
  const body = new PassThrough();
  request.pipe(body);
  request.once('error', (error) => body.destroy(error));
  request.once('close', () => {
    if (!request.complete) body.destroy(new Error('the caller went away'));
  });
  body.once('close', () => {
    if (request.readableEnded) return;
    request.unpipe(body);
    let dropped = 0;
    request.on('data', (chunk: Buffer) => {
      dropped += chunk.length;
      if (dropped > drainBytes) request.destroy();
    });
    // unpipe has paused it, and a paused stream stays so whoever listens.
    request.resume();
  });
  return body;
}
