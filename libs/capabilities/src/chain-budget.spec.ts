import { maxChainEvents } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { ChainBudget } from './chain-budget.js';

const take = (budget: ChainBudget, chain: string, times: number) =>
  Array.from({ length: times }, () => budget.take('acme', chain));

describe('the budget of a chain of events', () => {
  it('is the same for each chain, however many there are', () => {
    const budget = new ChainBudget();
    expect(take(budget, 'a', maxChainEvents)).not.toContain(false);

    expect(budget.take('acme', 'a')).toBe(false);
    expect(budget.take('acme', 'b')).toBe(true);
    expect(budget.take('other', 'a')).toBe(true);
  });

  it('forgets the chain that was quiet longest, never the one that floods', () => {
    const budget = new ChainBudget();
    take(budget, 'flood', maxChainEvents);
    for (let n = 0; n < 150_000; n++) {
      budget.take('acme', `chain ${n}`);
      if (n % 50_000 === 0) expect(budget.take('acme', 'flood')).toBe(false);
    }

    expect(budget.take('acme', 'flood')).toBe(false);
  });
});
