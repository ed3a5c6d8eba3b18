import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressPolicy } from './addresses.js';
import { hostEntry, namesTarget, type Target } from './hosts.js';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => `${labels.join('.')}.test`);
const https = (host: string, port = 443): Target => ({ protocol: 'https:', host, port });
const names = (entry: string, target: Target) => {
  const read = hostEntry(entry);
  return read !== undefined && namesTarget(read, target);
};

describe('an entry of the allow-list', () => {
  it('names one host by https on 443, or a port of it', () => {
    fc.assert(
      fc.property(name, name, fc.integer({ min: 1, max: 65_535 }), (host, other, port) => {
        expect(names(host, https(host))).toBe(true);
        expect(names(host, https(other))).toBe(host === other);
        expect(names(host, https(host, port))).toBe(port === 443);
        expect(names(`${host}:${port}`, https(host, port))).toBe(true);
        expect(names(host, { protocol: 'http:', host, port: 80 })).toBe(false);
        expect(names(`${host}:80`, { protocol: 'http:', host, port: 80 })).toBe(true);
      }),
    );
  });

  it('with a wildcard names what lies below, behind a dot, and nothing else', () => {
    fc.assert(
      fc.property(name, label, (host, below) => {
        expect(names(`*.${host}`, https(`${below}.${host}`))).toBe(true);
        expect(names(`*.${host}`, https(host))).toBe(false);
        expect(names(`*.${host}`, https(`${below}${host}`))).toBe(false);
        expect(names(`*.${host}`, https(`${below}.${host}.evil.test`))).toBe(false);
      }),
    );
  });

  it('is read in any spelling of a name, and never as an address or anything else', () => {
    expect(hostEntry('API.Example.COM.')).toMatchObject({ name: 'api.example.com' });
    expect(hostEntry('bücher.test')).toMatchObject({ name: 'xn--bcher-kva.test' });
    for (const text of [
      '127.0.0.1',
      '0x7f.1',
      '[::1]',
      '*',
      'a/b',
      'a@b.test',
      'a.test:',
      'a.test:x',
      '',
      '*.',
      'a b',
    ])
      expect(hostEntry(text)).toBeUndefined();
  });
});

describe('the address policy', () => {
  it('lets through what is public, and nothing that carries another address', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const policy = new AddressPolicy();
        const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
        for (const carrier of ['::ffff:HHHH:hhhh', '::HHHH:hhhh', '64:ff9b::HHHH:hhhh', '2002:HHHH:hhhh::'])
          expect(
            policy.allows(
              carrier.replace('HHHH', hex.slice(0, 2).join('')).replace('hhhh', hex.slice(2).join('')),
            ),
          ).toBe(false);
      }),
    );
    expect(new AddressPolicy().allows('1.1.1.1')).toBe(true);
    expect(new AddressPolicy().allows('2606:4700::1111')).toBe(true);
  });

  it('opens the networks that the operator names, and only those', () => {
    const policy = new AddressPolicy(['10.20.0.0/16', 'fd12::/32']);

    expect(['10.20.1.2', 'fd12::1'].every((address) => policy.allows(address))).toBe(true);
    for (const address of ['10.21.0.1', '127.0.0.1', 'fd13::1', '::ffff:10.20.1.2', '::1'])
      expect(policy.allows(address)).toBe(false);
  });

  it('never opens cloud metadata, whatever is named', () => {
    const policy = new AddressPolicy(['100.64.0.0/10', 'fc00::/7']);

    for (const address of ['100.100.100.200', 'fd00:ec2::254', '169.254.169.254', '168.63.129.16'])
      expect(policy.allows(address)).toBe(false);
    expect(policy.allows('100.64.0.9')).toBe(true);
  });

  it.each([
    '169.254.0.0/16',
    '224.0.0.0/8',
    '0.0.0.0/0',
    '::/0',
    'fe80::/10',
    '10.0.0.0/7',
    '10.0.0.1',
    'nonsense',
  ])('refuses to open %s', (range) => {
    expect(() => new AddressPolicy([range])).toThrow(RangeError);
  });
});
