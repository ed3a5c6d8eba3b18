import type { Rule } from './rule.js';

/** What the schema of manifests allows and this version does not run. */
export const supportRules: Rule[] = [
  {
    id: 'event-after',
    what: 'events are handled after the fact',
    code: 'NOT_SUPPORTED_YET',
    *check({ manifest }) {
      for (const [index, { mode }] of (manifest.events ?? []).entries()) {
        if (mode === 'before')
          yield { pointer: `/events/${index}/mode`, message: 'event mode before is not supported yet' };
      }
    },
    holds: { functions: { x: {} }, events: [{ on: 'a.b', mode: 'after', function: 'x' }] },
    breaks: { functions: { x: {} }, events: [{ on: 'a.b', mode: 'before', function: 'x' }] },
  },
  {
    id: 'event-unfiltered',
    what: 'events come unfiltered',
    code: 'NOT_SUPPORTED_YET',
    *check({ manifest }) {
      for (const [index, { filter }] of (manifest.events ?? []).entries()) {
        if (filter)
          yield { pointer: `/events/${index}/filter`, message: 'event filter is not supported yet' };
      }
    },
    holds: { functions: { x: {} }, events: [{ on: 'a.b', function: 'x' }] },
    breaks: { functions: { x: {} }, events: [{ on: 'a.b', filter: { data: {} }, function: 'x' }] },
  },
];
