import { isReservedEventType } from '@mortise/contracts';
import type { Rule } from './rule.js';

export const eventRules: Rule[] = [
  {
    id: 'platform-event',
    what: 'a plugin provides no event types of the platform or the host',
    *check({ manifest }) {
      for (const [index, { type }] of (manifest.provides?.events ?? []).entries()) {
        if (!isReservedEventType(type)) continue;
        yield {
          pointer: `/provides/events/${index}/type`,
          message: `"${type}" belongs to the platform: begin with a name of your own, such as "${manifest.slug}.${type.split('.').at(-1)}"`,
        };
      }
    },
    holds: { provides: { events: [{ type: 'probe.done' }] } },
    breaks: { provides: { events: [{ type: 'plugin.installed' }] } },
  },
  {
    id: 'duplicate-subscription',
    what: 'a function is subscribed to an event type once',
    *check({ manifest }) {
      const seen = new Set<string>();
      for (const [index, { on, function: name }] of (manifest.events ?? []).entries()) {
        for (const type of [on].flat()) {
          const key = `${type} ${name}`;
          if (seen.has(key))
            yield { pointer: `/events/${index}/on`, message: `"${name}" is subscribed to "${type}" already` };
          seen.add(key);
        }
      }
    },
    holds: { functions: { x: {} }, events: [{ on: ['a.b', 'a.c'], function: 'x' }] },
    breaks: {
      functions: { x: {} },
      events: [
        { on: 'a.b', function: 'x' },
        { on: ['a.c', 'a.b'], function: 'x' },
      ],
    },
  },
];
