import { Controller } from '@nestjs/common';
import { OnEvent } from '@mortise/bus';
import { InstallationUninstalled, InstallationData } from '@mortise/contracts';
import { StorageLife } from './storage-life.js';

/** What an uninstall means for stored data. */
@Controller()
export class StorageController {
  constructor(private readonly life: StorageLife) {}

  @OnEvent(InstallationUninstalled)
  async uninstalled({ tenantId, installationId, keepData }: InstallationData): Promise<void> {
    await this.life.uninstalled(tenantId, installationId, keepData !== false);
  }
}
