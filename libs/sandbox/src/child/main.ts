/**
 * The worker process: isolates for the units of one cordon, entered synchronously on this thread, one socket to the
 * supervisor. It holds no credential and no capability, and is killed from outside when it does not answer.
 */
import { Socket } from 'node:net';
import { FrameReader, FrameWriter, frameType } from './frames.js';
import { loadIvm } from './engine.js';
import { Mark } from './mark.js';
import { Pump } from './pump.js';

const [binary, usualMemoryMb] = process.argv.slice(2);
const ivm = loadIvm(String(binary));
const socket = new Socket({ fd: 3, readable: true, writable: true });
const writer = new FrameWriter((bytes) => socket.write(bytes));
const pump = new Pump(ivm, writer, new Mark(4));
const reader = new FrameReader((id, type, payload) => pump.handle(id, type, payload));

// Without its supervisor a worker has no reason to live.
socket.on('close', () => process.kill(process.pid, 'SIGKILL'));
socket.on('error', () => process.kill(process.pid, 'SIGKILL'));
socket.on('data', (chunk: Buffer) => {
  reader.push(chunk);
  pump.endTurn();
  writer.flush();
});
pump.warmUp(Number(usualMemoryMb));
writer.send(0, frameType.ready, String(process.pid));
