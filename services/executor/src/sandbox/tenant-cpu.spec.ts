import { FakeClock } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { TenantCpu, top } from './tenant-cpu.js';

describe('processor time by tenant', () => {
  it('is that of the last whole minute', () => {
    const clock = new FakeClock();
    const cpu = new TenantCpu(clock);
    cpu.add('acme', 100);
    cpu.add('acme', 50);
    cpu.add('globex', 10);

    expect(cpu.used()).toEqual([]);
    clock.advance(61_000);
    cpu.add('acme', 7);

    expect(cpu.used()).toEqual([
      { tenant: 'acme', cpuMs: 150 },
      { tenant: 'globex', cpuMs: 10 },
    ]);
    clock.advance(60_000);
    expect(cpu.used()).toEqual([{ tenant: 'acme', cpuMs: 7 }]);
    clock.advance(180_000);
    expect(cpu.used()).toEqual([]);
  });

  it('names ten tenants and adds up the others, however many there are', () => {
    const used = new Map(Array.from({ length: 1_000 }, (_, n) => [`tenant-${n}`, n]));

    const shown = top(used, 10);

    expect(shown).toHaveLength(11);
    expect(shown[0]).toEqual({ tenant: 'tenant-999', cpuMs: 999 });
    expect(shown.reduce((sum, { cpuMs }) => sum + cpuMs, 0)).toBe((999 * 1_000) / 2);
    expect(shown.at(-1)?.tenant).toBe('other');
  });
});
