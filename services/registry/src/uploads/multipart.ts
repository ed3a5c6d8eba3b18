import '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { intake } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import type { Spool, Spooled } from './spool.js';

const expected = 'multipart/form-data with the package as field `file`';

/** The package of an upload, on disk; the checksum it came with is verified. */
export async function receivePackage(request: FastifyRequest, spool: Spool): Promise<Spooled> {
  if (!request.isMultipart())
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', {
      expected,
      actual: request.headers['content-type'] ?? 'nothing',
    });
  let spooled: Spooled | undefined;
  let checksum: string | undefined;
  try {
    for await (const part of request.parts({
      limits: { files: 1, fields: 5, fileSize: intake.uploadBytes + 1, fieldSize: 1_000 },
    })) {
      if (part.type === 'file' && part.fieldname === 'file') spooled = await spool.write(part.file);
      else if (part.type === 'file') part.file.resume();
      else if (part.fieldname === 'checksum' && typeof part.value === 'string') checksum = part.value;
    }
    if (!spooled)
      throw new AppError(
        'INVALID_REQUEST',
        {},
        {
          errors: [
            {
              pointer: '/file',
              message: 'the package is missing: send it as the multipart field `file`',
              rule: 'required',
            },
          ],
        },
      );
    verify(spooled, checksum, request.headers['content-digest']);
    return spooled;
  } catch (error) {
    if (spooled) await spool.remove(spooled);
    throw asRefusal(error);
  }
}

/** A form that breaks off or does not follow the grammar is the sender's mistake, not ours. */
function asRefusal(error: unknown): unknown {
  if (error instanceof AppError) return error;
  // A full disk is ours.
  if (error instanceof Error && 'syscall' in error) return error;
  const code = (error as { code?: string }).code ?? '';
  if (code === 'FST_REQ_FILE_TOO_LARGE' || code === 'FST_FILES_LIMIT')
    return new AppError('PACKAGE_TOO_LARGE', {
      reason: `more than ${intake.uploadBytes} bytes, or more than one file`,
    });
  const message = error instanceof Error ? error.message : 'broken form';
  if (
    code.startsWith('FST_') ||
    /multipart|unexpected end|premature|part|boundary|abort/i.test(`${message} ${code}`)
  ) {
    return new AppError('PACKAGE_INVALID', {
      reason: 'the form ends before the package does, or is malformed',
    });
  }
  return error;
}

function verify(
  { digest }: Spooled,
  checksum: string | undefined,
  contentDigest: string | string[] | undefined,
): void {
  if (checksum !== undefined && checksum.replace(/^sha256[:-]/i, '').toLowerCase() !== digest)
    throw new AppError('CHECKSUM_MISMATCH');
  // RFC 9530: sha-256=:base64:, beside others that may be ignored. One that cannot be read proves nothing.
  const header = String(contentDigest ?? '');
  const sent = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/.exec(header)?.[1];
  if (/sha-256/i.test(header) && Buffer.from(sent ?? '', 'base64').toString('hex') !== digest)
    throw new AppError('CHECKSUM_MISMATCH');
}
