/** What each algorithm can do, by its name in the standard. Keys are base64 on their way to the host, data is bytes. */
export function algorithms(web, { base64, bytesOf, fromBase64, fromLatin1, latin1 }, refuse) {
  const ask = (name, args, bytes) => fromLatin1(web.ask(name, args, bytes && latin1(bytes)));
  const none = Object.freeze([]);
  const small = (source) => base64(source === undefined ? new Uint8Array(0) : bytesOf(source));
  const hashName = (given) => {
    const name = String(typeof given === 'object' && given !== null ? given.name : given).toUpperCase();
    if (!/^SHA-(1|256|384|512)$/.test(name)) throw refuse('NotSupportedError', `${name} is not known here`);
    return name;
  };
  const blockBits = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 };

  const toUrl = (text) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const fromUrl = (text) => String(text).replaceAll('-', '+').replaceAll('_', '/');
  const secretBytes = (format, data) => {
    if (format === 'raw' || format === 'raw-secret') return data;
    if (format !== 'jwk') throw refuse('NotSupportedError', `A secret key has no form ${format}`);
    if (data?.kty !== 'oct' || typeof data.k !== 'string')
      throw refuse('DataError', 'The JWK is no secret key');
    return fromBase64(fromUrl(data.k));
  };
  const secretExport = (algOf) => (format, key) => {
    if (format === 'jwk') return { kty: 'oct', k: toUrl(key.material), alg: algOf(key) };
    if (format !== 'raw' && format !== 'raw-secret') throw refuse('NotSupportedError', `No form ${format}`);
    return fromBase64(key.material);
  };
  const secret = (algorithm, bytes) => ({ type: 'secret', algorithm, material: base64(bytes) });

  const digests = Object.fromEntries(
    Object.keys(blockBits).map((name) => [name, { digest: (_bag, data) => ask('digest', [name], data) }]),
  );

  const hmac = {
    usages: { secret: ['sign', 'verify'] },
    bitsFor: (bag) => bag.length ?? blockBits[hashName(bag.hash)],
    generateKey: (bag) => {
      const bits = hmac.bitsFor(bag);
      return hmac.importKey('raw', ask('random', [Math.ceil(bits / 8)]), bag);
    },
    importKey: (format, data, bag) => {
      const bytes = secretBytes(format, data);
      if (bytes.length === 0) throw refuse('DataError', 'The key is empty');
      return secret({ name: 'HMAC', hash: { name: hashName(bag.hash) }, length: bytes.length * 8 }, bytes);
    },
    exportKey: secretExport((key) => `HS${key.hash.name.slice(4)}`),
    sign: (_bag, key, data) => ask('hmac', [key.hash.name, key.material], data),
    verify: (_bag, key, signature, data) =>
      web.ask('hmacVerify', [key.hash.name, key.material, base64(signature)], latin1(data)) === 'true',
  };

  const aesLengths = [128, 192, 256];
  const aes = (name, usages, more) => {
    const row = {
      usages: { secret: usages },
      bitsFor: (bag) => {
        if (!aesLengths.includes(bag.length))
          throw refuse('OperationError', 'AES keys have 128, 192 or 256 bits');
        return bag.length;
      },
      generateKey: (bag) => row.importKey('raw', ask('random', [row.bitsFor(bag) / 8]), bag),
      importKey: (format, data) => {
        const bytes = secretBytes(format, data);
        if (!aesLengths.includes(bytes.length * 8))
          throw refuse('DataError', 'AES keys have 128, 192 or 256 bits');
        return secret({ name, length: bytes.length * 8 }, bytes);
      },
      exportKey: secretExport((key) => `A${key.length}${name.slice(4)}`),
      ...more,
    };
    return row;
  };
  const iv = (source, length) => {
    if (source === undefined) throw new TypeError('The algorithm needs an iv or a counter');
    const bytes = bytesOf(source);
    if (length ? bytes.length !== length : bytes.length === 0)
      throw refuse('OperationError', 'The iv has a wrong length');
    return base64(bytes);
  };
  const tagBits = (bag) => {
    const bits = bag.tagLength ?? 128;
    if (![32, 64, 96, 104, 112, 120, 128].includes(bits))
      throw refuse('OperationError', 'The tag has a wrong length');
    return bits;
  };
  const gcm = (way) => (bag, key, data) =>
    ask('aes', ['gcm', way, key.material, iv(bag.iv), small(bag.additionalData), tagBits(bag)], data);
  const block = (mode, way, field) => (bag, key, data) =>
    ask('aes', [mode, way, key.material, iv(bag[field], 16)], data);
  const crypt = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];

  const derive = (name, check, question) => ({
    usages: { secret: ['deriveBits', 'deriveKey'] },
    importKey: (format, data) => {
      if (format !== 'raw') throw refuse('NotSupportedError', `No form ${format}`);
      return secret({ name }, data);
    },
    deriveBits: (bag, key, bits) => {
      if (!Number.isInteger(bits) || bits <= 0 || bits % 8 !== 0)
        throw refuse('OperationError', 'Whole bytes only');
      check(bag);
      return question(bag, key, bits / 8);
    },
  });
  const hkdf = derive(
    'HKDF',
    () => {},
    (bag, key, length) =>
      ask('hkdf', [hashName(bag.hash), key.material, small(bag.salt), small(bag.info), length]),
  );
  const pbkdf2 = derive(
    'PBKDF2',
    ({ iterations }) => {
      if (!(iterations >= 1)) throw refuse('OperationError', 'The number of iterations is missing');
    },
    (bag, key, length) => {
      const bytes = new Uint8Array(Math.ceil(length / 64) * 64);
      if (length > 64) throw refuse('OperationError', '512 bits at most are derived here');
      bytes.set(
        ask('pbkdf2', [hashName(bag.hash), key.material, small(bag.salt), Number(bag.iterations), length]),
      );
      return bytes.slice(0, length);
    },
  );

  const pair = (kind, algorithmOf, more) => {
    const half = (record, bag) => {
      if (!kind(record, bag)) throw refuse('DataError', 'The key is of another kind');
      return { type: record.type, algorithm: algorithmOf(record, bag), material: record.der };
    };
    const row = {
      usages: { private: ['sign'], public: ['verify'] },
      importKey: (format, data, bag) => {
        const given = format === 'jwk' ? data : base64(data);
        return half(JSON.parse(web.ask('keyRead', [format, bag.namedCurve ?? bag.name, given])), bag);
      },
      exportKey: (format, key) => {
        if (format === 'jwk')
          return { ...JSON.parse(web.ask('keyJwk', [key.type, key.material])), ...row.jwk?.(key) };
        if (format === (key.type === 'private' ? 'pkcs8' : 'spki')) return fromBase64(key.material);
        if (format === 'raw' && key.type === 'public') return ask('keyRaw', [key.material]);
        throw refuse('InvalidAccessError', `A ${key.type} key has no form ${format}`);
      },
      generateKey: (bag) => {
        const [privateKey, publicKey] = JSON.parse(web.ask('keyMake', [bag.namedCurve ?? bag.name]));
        return { privateKey: half(privateKey, bag), publicKey: half(publicKey, bag) };
      },
      ...more,
    };
    return row;
  };
  const signing = (hashOf, saltOf = () => 0) => ({
    sign: (bag, key, data) => ask('sign', [key.name, hashOf(bag, key), key.material, saltOf(bag)], data),
    verify: (bag, key, signature, data) =>
      web.ask(
        'verify',
        [key.name, hashOf(bag, key), key.material, saltOf(bag), base64(signature)],
        latin1(data),
      ) === 'true',
  });
  const agreeing = {
    usages: { private: ['deriveBits', 'deriveKey'], public: none },
    deriveBits: (bag, key, bits) => {
      if (!bag.peer) throw new TypeError('The public key of the other is missing');
      const bytes = ask('keyAgree', [key.material, bag.peer]);
      if ((bits ?? 0) > bytes.length * 8) throw refuse('OperationError', 'The secret is shorter than that');
      return bits ? bytes.slice(0, Math.ceil(bits / 8)) : bytes;
    },
  };
  const ofCurve = (record, bag) => record.kind === 'ec' && record.curve === bag.namedCurve;
  const ofRsa = (record) => record.kind === 'rsa';
  const curve = ({ curve: namedCurve }, { name }) => ({ name, namedCurve });
  const rsa = ({ modulusLength, publicExponent }, { name, hash }) => ({
    ...{ name, modulusLength, hash: { name: hashName(hash) } },
    publicExponent: Uint8Array.from(
      BigInt(publicExponent).toString(16).padStart(6, '0').match(/../g),
      (digits) => parseInt(digits, 16),
    ),
  });
  const ownHash = (_bag, key) => key.hash.name;
  const noMaking = { generateKey: undefined };
  const rsaJwk = (prefix, suffix = (hash) => hash) => ({
    jwk: (key) => ({ alg: `${prefix}${suffix(key.hash.name.slice(4))}` }),
  });
  const oaep = (way) => (bag, key, data) =>
    ask('oaep', [way, key.hash.name, key.material, small(bag.label)], data);

  return {
    ...digests,
    HMAC: hmac,
    'AES-GCM': aes('AES-GCM', crypt, { encrypt: gcm('seal'), decrypt: gcm('open') }),
    'AES-CBC': aes('AES-CBC', crypt, {
      encrypt: block('cbc', 'seal', 'iv'),
      decrypt: block('cbc', 'open', 'iv'),
    }),
    'AES-CTR': aes('AES-CTR', crypt, {
      encrypt: block('ctr', 'seal', 'counter'),
      decrypt: block('ctr', 'open', 'counter'),
    }),
    'AES-KW': aes('AES-KW', ['wrapKey', 'unwrapKey'], {
      wrap: (_bag, key, data) => ask('aes', ['kw', 'seal', key.material], data),
      unwrap: (_bag, key, data) => ask('aes', ['kw', 'open', key.material], data),
    }),
    HKDF: hkdf,
    PBKDF2: pbkdf2,
    Ed25519: pair(
      ({ kind }) => kind === 'ed25519',
      () => ({ name: 'Ed25519' }),
      signing(() => null),
    ),
    X25519: pair(
      ({ kind }) => kind === 'x25519',
      () => ({ name: 'X25519' }),
      agreeing,
    ),
    ECDSA: pair(
      ofCurve,
      curve,
      signing((bag) => hashName(bag.hash)),
    ),
    ECDH: pair(ofCurve, curve, agreeing),
    'RSASSA-PKCS1-v1_5': pair(ofRsa, rsa, { ...signing(ownHash), ...noMaking, ...rsaJwk('RS') }),
    'RSA-PSS': pair(ofRsa, rsa, {
      ...signing(ownHash, (bag) => bag.saltLength),
      ...noMaking,
      ...rsaJwk('PS'),
    }),
    'RSA-OAEP': pair(ofRsa, rsa, {
      usages: { private: ['decrypt', 'unwrapKey'], public: ['encrypt', 'wrapKey'] },
      ...{ encrypt: oaep('seal'), decrypt: oaep('open') },
      ...noMaking,
      ...rsaJwk('RSA-OAEP', (hash) => (hash === '1' ? '' : `-${hash}`)),
    }),
  };
}
