import type { InstallationStatus, RequestedLimits } from '@mortise/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'installations' })
export class Installation {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid', { name: 'tenant_id' }) tenantId: string;
  @Column('uuid', { name: 'plugin_id' }) pluginId: string;
  @Column('uuid', { name: 'version_id' }) versionId: string;
  @Column('text') status: InstallationStatus;
  @Column('integer', { default: 1 }) revision: number;
  @Column('jsonb') config: Record<string, unknown>;
  /** The config's own counter: its ETag. */
  @Column('integer', { name: 'config_revision', default: 1 }) configRevision: number;
  @Column('integer', { name: 'secrets_revision', default: 0 }) secretsRevision: number;
  @Column('boolean', { name: 'keep_data', default: true }) keepData: boolean;
  /** What its admin has set, over what the manifest says. */
  @Column('jsonb', { default: {} }) limits: RequestedLimits;
  /** Why the platform suspended it. */
  @Column('text', { name: 'suspended_reason', nullable: true }) suspendedReason: string | null;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt: Date;
  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' }) updatedAt: Date;
}
