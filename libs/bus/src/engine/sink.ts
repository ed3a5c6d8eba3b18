import type { Received } from '../record.js';
import type { PartitionTrack } from './track.js';

/** What a transport hands records to. Accepting is immediate; being finished is told to the track. */
export interface Sink {
  accept(record: Received, track: PartitionTrack): void;
  /** Records accepted and not finished. */
  readonly held: number;
  /** The transport stops handing over, until `onRoom`. */
  readonly isFull: boolean;
  /** Called when there is room again after it was full. */
  onRoom: () => void;
  /** Resolves when nothing is held any more. */
  idle(): Promise<void>;
  /** No further tries, nothing new is started; what runs may end, but nobody waits for it. */
  stop(): void;
}

/** Hands each record on at once: for state tables and replies, whose handlers cannot fail or wait. */
export class DirectSink implements Sink {
  readonly held = 0;
  readonly isFull = false;
  onRoom = (): void => {};

  constructor(private readonly handle: (record: Received) => void) {}

  accept(record: Received, track: PartitionTrack): void {
    this.handle(record);
    track.finish(Number(record.offset));
  }

  async idle(): Promise<void> {}

  stop(): void {}
}
