import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'plugins' })
export class Plugin {
  @PrimaryColumn('uuid') id: string;
  /** The tenant that owns the publisher. */
  @Column('uuid', { name: 'tenant_id' }) tenantId: string;
  @Column('text') publisher: string;
  @Column('text') slug: string;
  @Column('text') name: string;
  @Column('text', { nullable: true }) description: string | null;
  @Column('text', { nullable: true }) category: string | null;
  @Column('text', { name: 'latest_version' }) latestVersion: string;
  /** Of its state record. */
  @Column('integer', { default: 1 }) revision: number;
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' }) createdAt: Date;
}
