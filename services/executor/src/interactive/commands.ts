import type { Bus, Received } from '@mortise/bus';
import { headers } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import type { Cancels } from '../cancel/cancels.js';
import type { Inspections } from '../inspect/inspections.js';
import type { Interactive } from './interactive.js';

/** Interactive commands in this process at a time: what runs is bounded by the sandbox, this bounds what waits. */
const maxInFlight = 2_048;

/** Takes the commands that somebody waits for. */
export function takeInteractive(
  bus: Bus,
  parts: { interactive: Interactive; cancels: Cancels; inspections: Inspections },
): void {
  const handle = (record: Received): Promise<void> => {
    const command = record.headers[headers.command];
    switch (command) {
      case 'execute':
        return parts.interactive.execute(record);
      case 'cancel':
        return parts.cancels.cancel(record);
      case 'inspect':
        return parts.inspections.inspect(record);
      default:
        throw new AppError('MESSAGE_UNDECODABLE', { reason: `there is no command ${command ?? '(none)'}` });
    }
  };
  bus.consume({
    topic: 'executions.interactive',
    group: 'executor',
    ordering: 'none',
    maxInFlight,
    handler: async (record) => handle(record),
  });
}
