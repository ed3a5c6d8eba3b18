import { Module, type DynamicModule } from '@nestjs/common';
import { Bus } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DeadLetters } from './dead-letters/dead-letters.service.js';
import { WaitingController } from './dead-letters/waiting.controller.js';
import { Waiting } from './dead-letters/waiting.service.js';
import { ExecutionsController } from './executions/executions.controller.js';
import { ExecutionsService } from './executions/executions.service.js';
import { GrantsController } from './grants/grants.controller.js';
import { GrantsService } from './grants/grants.service.js';
import { Install } from './installations/install.js';
import { InstallationChanges } from './installations/installation-changes.js';
import { InstallationLookup } from './installations/installation-lookup.js';
import { InstallationsController } from './installations/installations.controller.js';
import { InstallationsService } from './installations/installations.service.js';
import { PluginAliasesController } from './installations/plugin-aliases.controller.js';
import { LiveTail } from './logs/live-tail.js';
import { LogFeed } from './logs/log-feed.js';
import { LogsController } from './logs/logs.controller.js';
import { LogsService } from './logs/logs.service.js';
import { PluginLookup } from './plugins/plugin-lookup.js';
import { PluginsController } from './plugins/plugins.controller.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { QuarantineService } from './quarantine/quarantine.service.js';
import { SecretsController } from './secrets/secrets.controller.js';
import { SecretsService } from './secrets/secrets.service.js';
import { Vault } from './secrets/vault.js';
import { Inspector } from './uploads/inspector.js';
import { Packages } from './uploads/packages.js';
import { Publish } from './uploads/publish.js';
import { Spool } from './uploads/spool.js';
import { TenantNames } from './uploads/tenant-names.js';
import { UploadsController } from './uploads/uploads.controller.js';
import { UploadsService } from './uploads/uploads.service.js';
import { VersionLookup } from './versions/version-lookup.js';
import { VersionsController } from './versions/versions.controller.js';

/** What start() makes and the controllers' services use. */
export interface RegistryParts {
  db: Database;
  bus: Bus;
  outbox: Outbox;
  spool: Spool;
  packages: Packages;
  tenantNames: TenantNames;
  feed: LogFeed;
  vault: Vault;
}

/** All wiring of the registry. */
@Module({})
export class RegistryModule {
  static of(parts: RegistryParts): DynamicModule {
    return {
      module: RegistryModule,
      controllers: [
        UploadsController,
        PluginsController,
        VersionsController,
        InstallationsController,
        PluginAliasesController,
        GrantsController,
        QuarantineController,
        DeadLettersController,
        WaitingController,
        ExecutionsController,
        LogsController,
        SecretsController,
      ],
      providers: [
        UploadsService,
        Inspector,
        Publish,
        PluginLookup,
        VersionLookup,
        Install,
        InstallationChanges,
        InstallationLookup,
        InstallationsService,
        GrantsService,
        QuarantineService,
        DeadLetters,
        Waiting,
        ExecutionsService,
        LogsService,
        LiveTail,
        SecretsService,
        { provide: Database, useValue: parts.db },
        { provide: Bus, useValue: parts.bus },
        { provide: Outbox, useValue: parts.outbox },
        { provide: Spool, useValue: parts.spool },
        { provide: Packages, useValue: parts.packages },
        { provide: TenantNames, useValue: parts.tenantNames },
        { provide: LogFeed, useValue: parts.feed },
        { provide: Vault, useValue: parts.vault },
      ],
    };
  }
}
