import { maxChainEvents } from '@mortise/contracts';

const chainsKept = 100_000;

/**
 * Counts the events that descend from one. Depth alone holds nothing back: ten answers to each event are a hundred
 * million after eight steps. Each process counts for itself.
 */
export class ChainBudget {
  /** By tenant and id of the event at the head, the one longest without a new event first. */
  private readonly events = new Map<string, number>();

  /** @returns false when the chain has had its share */
  take(tenantId: string, chainId: string): boolean {
    // Senders choose the ids of their events.
    const chain = `${tenantId}/${chainId}`;
    const taken = this.events.get(chain) ?? 0;
    this.events.delete(chain);
    this.events.set(chain, Math.min(taken + 1, maxChainEvents));
    if (this.events.size > chainsKept) this.events.delete(this.events.keys().next().value ?? '');
    return taken < maxChainEvents;
  }
}
