import { maxCausationDepth } from '@mortise/contracts';
import { authoriseSelected, capability, textArgument } from './capability.js';
import { CapabilityError } from './types.js';

const permission = 'plugins:call';

/** Is it among them? A selector that leaves the list out speaks of all. */
const names = (list: unknown, ...spellings: string[]): boolean =>
  list === undefined || (Array.isArray(list) && spellings.some((spelling) => list.includes(spelling)));

/** Calls a function of another plugin of the same tenant and waits for its result. */
export const pluginsCall = capability({
  name: 'plugins.call',
  permission,
  async run(args, call) {
    const { scope, stores } = call;
    const plugin = textArgument(args, 'plugin', 127);
    const fn = textArgument(args, 'function', 64);
    const slug = plugin.slice(plugin.indexOf('/') + 1);
    authoriseSelected(
      call,
      permission,
      { plugin, function: fn },
      ({ slugs, functions }) => names(slugs, plugin, slug) && names(functions, fn),
    );
    if (scope.causationDepth + 1 > maxCausationDepth) {
      const message = `More than ${maxCausationDepth} plugins and events caused one another: the chain is cut here`;
      throw new CapabilityError('CAUSATION_TOO_DEEP', message, { limit: maxCausationDepth });
    }
    const result = await stores.plugins.call(scope, {
      plugin,
      function: fn,
      input: JSON.stringify(args.input ?? null),
    });
    return JSON.parse(result) as unknown;
  },
});
