import { Controller } from '@nestjs/common';
import { OnEvent } from '@mortise/bus';
import { InstallationUninstalled, InstallationData } from '@mortise/contracts';
import { Schedules } from './schedules.service.js';

/** What an uninstall means for jobs. */
@Controller()
export class SchedulesController {
  constructor(private readonly schedules: Schedules) {}

  @OnEvent(InstallationUninstalled)
  async uninstalled({ tenantId, installationId }: InstallationData): Promise<void> {
    await this.schedules.drop(tenantId, installationId);
  }
}
