import type { Received } from '../record.js';

const overheadBytes = 256;
// A record may have 4 MB: counted by records alone a few hundred of them would fill the memory.
const defaultBytes = 33_554_432;

export interface RoomLimits {
  /** So many records are enough. */
  records: number;
  /** There is room again at so many. */
  resumeAt: number;
  bytes?: number;
}

/** What a sink holds, when that is enough, and when there is room again. */
export class Room {
  held = 0;
  bytes = 0;
  /** Called when there is room again after it was full. */
  onRoom = (): void => {};
  private wasFull = false;
  private idlers: (() => void)[] = [];
  private readonly maxBytes: number;

  constructor(private readonly limits: RoomLimits) {
    this.maxBytes = limits.bytes ?? defaultBytes;
  }

  get isFull(): boolean {
    return this.held >= this.limits.records || this.bytes >= this.maxBytes;
  }

  enter(record: Received): void {
    this.held += 1;
    this.bytes += sizeOf(record);
    if (this.isFull) this.wasFull = true;
  }

  /** Call `settle` once the records that left together are all counted. */
  leave(record: Received): void {
    this.held -= 1;
    this.bytes -= sizeOf(record);
  }

  settle(): void {
    if (this.held === 0) {
      const idlers = this.idlers;
      this.idlers = [];
      for (const resolve of idlers) resolve();
    }
    if (this.wasFull && this.held <= this.limits.resumeAt && this.bytes <= this.maxBytes / 2) {
      this.wasFull = false;
      this.onRoom();
    }
  }

  idle(): Promise<void> {
    return this.held === 0 ? Promise.resolve() : new Promise((resolve) => this.idlers.push(resolve));
  }
}

const sizeOf = ({ value }: Received): number => overheadBytes + (value?.length ?? 0);
