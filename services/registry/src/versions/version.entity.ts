import type { Manifest, VersionStatus } from '@mortise/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'versions' })
export class Version {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid', { name: 'tenant_id' }) tenantId: string;
  @Column('uuid', { name: 'plugin_id' }) pluginId: string;
  @Column('text') version: string;
  /** sha256 of the package, lower-case hex. */
  @Column('text') digest: string;
  /** bigint arrives as a string from the driver. */
  @Column('bigint', { name: 'size_bytes', transformer: { to: (value: number) => value, from: Number } })
  sizeBytes: number;
  @Column('text') status: VersionStatus;
  @Column('jsonb') manifest: Manifest;
  @Column('text', { array: true }) warnings: string[];
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt: Date;
}
