import {
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';
import { roleNames, type Role } from '../roles.js';
import { IsInstant, Nullable } from './answers.js';
import { PageQuery } from './plugins.js';

export class TenantBody {
  /** Lower case, digits, `-`, `_`; 2 to 64. */
  @Matches(/^[a-z0-9][a-z0-9_-]{0,62}[a-z0-9]$/, {
    message: 'slug must be 2 to 64 lower-case letters, digits, - and _, not beginning or ending with a sign',
  })
  slug: string;
  @IsString() @Length(1, 120) name: string;
}

/** What is left out stays as it is. */
export class TenantPatch {
  @IsOptional() @IsString() @Length(1, 120) name?: string;
  /** Days that executions and logs are kept, 1 to 3,650; null: as long as the platform keeps them, which is the most. */
  @ValidateIf((_, value) => value !== null && value !== undefined)
  @IsInt()
  @Min(1)
  @Max(3_650)
  @Nullable()
  retentionDays?: number | null;
}

export class TenantDto {
  @IsUUID() id: string;
  @IsString() slug: string;
  @IsString() name: string;
  /** Null: executions and logs are kept as long as the platform keeps them. */
  @IsInt() @Nullable() retentionDays: number | null;
  @IsInstant() createdAt: string;
}

export class ApiKeyBody {
  /** Tenant slug or id the key is good for. */
  @IsString() @Length(1, 64) tenant: string;
  @IsArray() @ArrayMinSize(1) @IsIn(roleNames, { each: true }) roles: Role[];
  @IsOptional() @IsISO8601() expiresAt?: string;
}

export class ApiKeyListQuery extends PageQuery {
  /** The first characters of the key, e.g. `mk_1a2b3c4d`. */
  @IsOptional() @IsString() @Length(1, 20) prefix?: string;
}

export class ApiKeyDto {
  @IsUUID() id: string;
  /** The key's first characters: enough to recognise it, useless to sign in. */
  @IsString() prefix: string;
  @IsString() tenant: string;
  @IsArray() @IsIn(roleNames, { each: true }) roles: Role[];
  @IsInstant() createdAt: string;
  @IsInstant() @Nullable() expiresAt: string | null;
  @IsInstant() @Nullable() revokedAt: string | null;
}

export class ApiKeyCreatedDto extends ApiKeyDto {
  /** The whole key, shown this once. */
  @IsString() key: string;
}
