import { limitTable, timeoutTable, type Manifest, type RequestedLimits } from '@mortise/contracts';
import { pointerTo } from '../manifest/text-problem.js';
import type { Finding, Rule } from './rule.js';

const longestMs = Math.max(...Object.values(timeoutTable).map(({ operatorMax }) => operatorMax));
const maxima = new Map<string, number>([
  ...Object.entries(limitTable).map(([name, { operatorMax }]) => [name, operatorMax] as const),
  ['timeoutMs', longestMs],
  ['cpuMs', longestMs],
]);

function* limitsIn(manifest: Manifest): Generator<{ limits: RequestedLimits; pointer: string }> {
  if (manifest.limits) yield { limits: manifest.limits, pointer: '/limits' };
  for (const [name, { limits }] of Object.entries(manifest.functions ?? {})) {
    if (limits) yield { limits, pointer: `${pointerTo('/functions', name)}/limits` };
  }
  for (const [index, task] of (manifest.tasks ?? []).entries()) {
    const limits = task['limits'] as RequestedLimits | undefined;
    if (limits) yield { limits, pointer: `/tasks/${index}/limits` };
  }
}

export const limitRules: Rule[] = [
  {
    id: 'limit-maximum',
    what: 'no limit is above what an operator may allow',
    *check({ manifest }): Generator<Finding> {
      for (const { limits, pointer } of limitsIn(manifest)) {
        for (const [name, value] of Object.entries(limits)) {
          const most = maxima.get(name);
          if (most !== undefined && value > most) {
            yield {
              pointer: pointerTo(pointer, name),
              message: `${value} is above ${most}, the most any operator may allow`,
            };
          }
        }
      }
    },
    holds: { limits: { storageMb: 1_024, memoryMb: 64 } },
    breaks: { limits: { storageMb: 1_025 } },
  },
];
