import type { SecurityViolationData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { versionsOf } from './quarantine.queries.js';
import type { QuarantineService } from './quarantine.service.js';

/** Who did it, in events and records. */
const actor = 'platform:integrity';

/** Stops every version with the bytes of a package in whose place an executor found others in the store. */
export class Integrity {
  constructor(
    private readonly db: Database,
    private readonly quarantines: QuarantineService,
  ) {}

  async note({ digest, found }: SecurityViolationData): Promise<void> {
    if (digest === undefined || found === undefined) return;
    const versionIds = await this.db.system((tx) => versionsOf(tx, digest));
    const reason = `The package store has ${found} in the place of ${digest}`;
    for (const versionId of versionIds) await this.quarantines.stop(versionId, reason, actor);
  }
}
