import type { MigrationSet } from '@mortise/database';
import { migrations as executor } from '@mortise/executor';
import { migrations as gateway } from '@mortise/gateway';
import { migrations as registry } from '@mortise/registry';
import { migrations as scheduler } from '@mortise/scheduler';

/** Every service's migrations, in the order they run. */
export const migrations: MigrationSet[] = [gateway, registry, scheduler, executor];
