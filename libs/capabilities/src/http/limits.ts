const MB = 1_048_576;
const KB = 1_024;

/** What one request of a plugin may be and take; the counts that an execution may have are in contracts. */
export const httpLimits = {
  urlLength: 8_192,
  headers: 100,
  headerBytes: 32 * KB,
  requestBodyBytes: 5 * MB,
  /** Counted on the wire and again after decoding. */
  responseBodyBytes: 5 * MB,
  /** A body of known length up to this comes with the answer's head. */
  inlineBytes: 64 * KB,
  /** The most that one `http.read` gives. */
  pieceBytes: 256 * KB,
  redirects: 5,
  timeoutMs: 10_000,
  maxTimeoutMs: 30_000,
  connectMs: 5_000,
  /** Requests of one execution whose answer was not read to its end. */
  open: 16,
} as const;
