import { describe, expect, it } from 'vitest';
import { requestHeaders, responseHeaders } from './headers.js';

describe('headers on their way to the owner', () => {
  it('lose what speaks about the connection, and what Connection names', () => {
    const kept = requestHeaders({
      connection: 'keep-alive, X-Hop',
      'x-hop': '1',
      te: 'trailers',
      'transfer-encoding': 'chunked',
      upgrade: 'h2c',
      accept: 'application/json',
    });

    expect(kept).toEqual({ accept: 'application/json' });
  });

  it("lose the caller's credentials and everything only the gateway may say", () => {
    const kept = requestHeaders({
      authorization: 'Bearer mk_x',
      cookie: 'session=1',
      'mortise-principal': 'forged',
      'mortise-installation': 'forged',
      'x-request-id': 'theirs',
      'if-match': '"3"',
    });

    expect(kept).toEqual({ 'if-match': '"3"' });
  });
});

describe('headers on their way back', () => {
  it('lose what is meant for the gateway', () => {
    const kept = responseHeaders({
      'mortise-installation': 'x;revision=2',
      'keep-alive': 'timeout=5',
      'set-cookie': ['a=b'],
      etag: '"4"',
    });

    expect(kept).toEqual({ etag: '"4"' });
  });
});
