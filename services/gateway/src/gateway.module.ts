import { Module, type DynamicModule } from '@nestjs/common';
import { Bus } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import type { Clock, Logger } from '@mortise/service-kit';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { Credentials } from './credentials/credentials.js';
import { ExecutorsController } from './executors/executors.controller.js';
import { ExecutorsService } from './executors/executors.service.js';
import { clockToken, loggerToken } from './parts.js';
import { TenantsController } from './tenants/tenants.controller.js';
import { TenantsService } from './tenants/tenants.service.js';

/** What start() makes and the controllers' services use. */
export interface GatewayParts {
  db: Database;
  bus: Bus;
  outbox: Outbox;
  credentials: Credentials;
  clock: Clock;
  logger: Logger;
}

/** The gateway's own routes; proxying and the hot path are raw Fastify routes beside it. */
@Module({})
export class GatewayModule {
  static of(parts: GatewayParts): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [TenantsController, ApiKeysController, ExecutorsController],
      providers: [
        TenantsService,
        ApiKeysService,
        ExecutorsService,
        { provide: Database, useValue: parts.db },
        { provide: Bus, useValue: parts.bus },
        { provide: Outbox, useValue: parts.outbox },
        { provide: Credentials, useValue: parts.credentials },
        { provide: clockToken, useValue: parts.clock },
        { provide: loggerToken, useValue: parts.logger },
      ],
    };
  }
}
