import { effectiveLimits, type Limits } from '@mortise/contracts';
import type { Limits as SdkLimits } from '@mortise/sdk';
import { createTestContext } from '@mortise/sdk/testing';
import { describe, expect, expectTypeOf, it } from 'vitest';

// The sdk depends on nothing of ours, so it says these once more.
describe('the limits that the sdk tells plugins of', () => {
  it('are those of the platform', () => {
    expectTypeOf<SdkLimits>().toEqualTypeOf<Limits>();
  });

  it('are by default in tests what they are on the platform', () => {
    expect(createTestContext().limits()).toEqual(effectiveLimits({}, 'call'));
  });
});
