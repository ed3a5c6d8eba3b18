// What kafkajs does wrong and nobody mends there any more.
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

const load = createRequire(import.meta.url);

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

// It sets a timer with a negative delay when nothing is pending; Node 24 warns about each first one.
const requestQueue = load('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
const scheduleCheck = requestQueue.prototype.scheduleCheckPendingRequests;
requestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) scheduleCheck.call(this);
};

/** What is read of a response so far: the part of it that a connection has. */
export interface Connection {
  socket?: Socket;
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect: (this: Connection) => Promise<boolean>;
}

const lengthBytes = 4;

// It keeps the half of a response in which a connection broke, and reads the first one of the next connection as the
// rest of it. From then on no answer is understood: each request ends after its 15 s, until the process is restarted.
const { prototype } = load('kafkajs/src/network/connection.js') as { prototype: Connection };
const { connect } = prototype;
prototype.connect = function (this: Connection) {
  if (!this.isConnected()) {
    // Nothing that the one before has still to say may come in between.
    this.socket?.destroy();
    this.chunks = [];
    this.bytesBuffered = 0;
    this.bytesNeeded = lengthBytes;
  }
  return connect.call(this);
};
