/** How many executions may wait for a slot, as a multiple of the slots. */
const waitingPerSlot = 16;

interface Waiter {
  limit: number;
  grant: (release: () => void) => void;
}

/** The concurrency limit of each installation: who comes over it waits for a turn, in order. */
export class Slots {
  private readonly held = new Map<string, { running: number; waiting: Waiter[] }>();

  /**
   * @param patient background runs wait as long as it takes; others are refused when too many wait
   * @returns the function that gives the slot back, or undefined when too many wait
   */
  take(installationId: string, limit: number, patient: boolean): Promise<() => void> | undefined {
    const slot = this.held.get(installationId) ?? { running: 0, waiting: [] };
    this.held.set(installationId, slot);
    if (slot.running < limit) {
      slot.running++;
      return Promise.resolve(this.releaser(installationId));
    }
    if (!patient && slot.waiting.length >= limit * waitingPerSlot) return undefined;
    return new Promise((grant) => slot.waiting.push({ limit, grant }));
  }

  private releaser(installationId: string): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const slot = this.held.get(installationId);
      if (!slot) return;
      slot.running--;
      const next = slot.waiting[0];
      if (next && slot.running < next.limit) {
        slot.waiting.shift();
        slot.running++;
        next.grant(this.releaser(installationId));
      } else if (slot.running === 0 && slot.waiting.length === 0) this.held.delete(installationId);
    };
  }
}
