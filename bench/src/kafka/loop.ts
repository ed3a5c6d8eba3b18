/** Request and reply over a real broker, both sides in this process. */
export interface Loop {
  /** One call; keys are spread, so that partitions and clients' batches are used as under a real load. */
  call(): Promise<void>;
  close(): Promise<void>;
}

/** The same for all clients. */
export const payload = 'x'.repeat(512);
export const keys = 64;
export const partitions = 12;
