/** Bodies of requests and responses: whole bytes, or a stream. */
export function bodies(web) {
  const { bytesOf, decode, encode } = web.use('encoding');
  const streams = () => web.use('streams');

  const joined = (chunks) => {
    const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  };
  const isA = (value, part, name) => {
    // Nobody has an object of a part that is not loaded, so asking does not load it for nothing.
    if (typeof value !== 'object' || web.stringTag(value) !== `[object ${name}]`) return false;
    return value instanceof web.use(part)[name];
  };

  const escapedName = (name) => name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
  const multipart = (form) => {
    const { held } = web.use('files');
    const boundary = `----mortise${web.ask('uuid').replaceAll('-', '')}`;
    const chunks = [];
    for (const [name, value] of form) {
      const head = `--${boundary}\r\ncontent-disposition: form-data; name="${escapedName(name)}"`;
      if (typeof value === 'string') {
        chunks.push(encode(`${head}\r\n\r\n${value.replace(/\r?\n|\r/g, '\r\n')}\r\n`));
      } else {
        const type = value.type || 'application/octet-stream';
        chunks.push(
          encode(`${head}; filename="${escapedName(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`),
        );
        chunks.push(held(value), encode('\r\n'));
      }
    }
    chunks.push(encode(`--${boundary}--\r\n`));
    return { bytes: joined(chunks), type: `multipart/form-data; boundary=${boundary}` };
  };

  /** What the standard calls extracting a body: bytes or a stream, and the type that goes with it. */
  const extract = (init) => {
    if (init === null || init === undefined) return { bytes: undefined, stream: undefined, type: undefined };
    if (isA(init, 'streams', 'ReadableStream')) {
      if (init.locked) throw new TypeError('The stream is in use');
      return { bytes: undefined, stream: init, type: undefined };
    }
    if (isA(init, 'files', 'Blob') || isA(init, 'files', 'File')) {
      return { bytes: web.use('files').held(init), stream: undefined, type: init.type || undefined };
    }
    if (ArrayBuffer.isView(init) || init instanceof ArrayBuffer) {
      return { bytes: bytesOf(init).slice(), stream: undefined, type: undefined };
    }
    if (isA(init, 'files', 'FormData')) return { ...multipart(init), stream: undefined };
    if (isA(init, 'url', 'URLSearchParams')) {
      const type = 'application/x-www-form-urlencoded;charset=UTF-8';
      return { bytes: encode(String(init)), stream: undefined, type };
    }
    return {
      bytes: encode(String(init).toWellFormed()),
      stream: undefined,
      type: 'text/plain;charset=UTF-8',
    };
  };

  const streamOf = (bytes) =>
    new (streams().ReadableStream)({
      type: 'bytes',
      start(controller) {
        if (bytes.length > 0) controller.enqueue(bytes.slice());
        controller.close();
      },
    });

  const readAll = async (stream) => {
    const reader = stream.getReader();
    const chunks = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return joined(chunks);
      if (!(value instanceof Uint8Array)) throw new TypeError('The stream gives something else than bytes');
      chunks.push(value);
    }
  };

  const parseMultipart = (bytes, boundary) => {
    const { FormData, File } = web.use('files');
    const form = new FormData();
    const { latin1, fromLatin1 } = web.use('encoding');
    const pieces = `\r\n${latin1(bytes)}`.split(`\r\n--${boundary}`);
    if (pieces.length < 2 || !pieces.at(-1).startsWith('--'))
      throw new TypeError('The form data is not whole');
    for (const piece of pieces.slice(1, -1)) {
      const at = piece.indexOf('\r\n\r\n');
      if (at < 0) throw new TypeError('A part of the form data has no end of its head');
      const head = decode(fromLatin1(piece.slice(0, at)));
      const content = fromLatin1(piece.slice(at + 4));
      const field = (name) => {
        const found = new RegExp(`[; ]${name}="([^"]*)"`, 'i').exec(head)?.[1];
        return found?.replace(/%0A|%0D|%22/gi, (one) => decodeURIComponent(one));
      };
      const [name, filename] = [field('name'), field('filename')];
      if (name === undefined) throw new TypeError('A part of the form data has no name');
      const type = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? 'text/plain';
      form.append(name, filename === undefined ? decode(content) : new File([content], filename, { type }));
    }
    return form;
  };

  /** Gives a class `body`, `bodyUsed` and the readers; `bodyOf` finds the body of one of its objects. */
  const withBody = (named, bodyOf, typeOf) => {
    const take = async (self) => {
      const body = bodyOf(self);
      if (body.used || body.stream?.locked) throw new TypeError('The body has been used');
      if (body.bytes === undefined && body.stream === undefined) return new Uint8Array(0);
      body.used = true;
      return body.bytes ?? readAll(body.stream);
    };
    const readers = {
      async arrayBuffer() {
        const bytes = await take(this);
        return bytes.slice().buffer;
      },
      async bytes() {
        return (await take(this)).slice();
      },
      async text() {
        return decode(await take(this));
      },
      async json() {
        return JSON.parse(decode(await take(this)));
      },
      async blob() {
        const { Blob } = web.use('files');
        return new Blob([await take(this)], { type: typeOf(this) ?? '' });
      },
      async formData() {
        const type = typeOf(this) ?? '';
        const bytes = await take(this);
        if (/^application\/x-www-form-urlencoded/i.test(type)) {
          const form = new (web.use('files').FormData)();
          for (const [name, value] of new (web.use('url').URLSearchParams)(decode(bytes)))
            form.append(name, value);
          return form;
        }
        const boundary = /^multipart\/form-data.*;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
        if (!boundary) throw new TypeError('The body is no form data');
        return parseMultipart(bytes, boundary[1] ?? boundary[2]);
      },
    };
    for (const [name, value] of Object.entries(readers)) {
      Object.defineProperty(named.prototype, name, {
        value,
        writable: true,
        configurable: true,
        enumerable: true,
      });
    }
    Object.defineProperty(named.prototype, 'bodyUsed', {
      get() {
        const body = bodyOf(this);
        return body.used || Boolean(body.stream && streams().isDisturbed?.(body.stream));
      },
      configurable: true,
      enumerable: true,
    });
    Object.defineProperty(named.prototype, 'body', {
      get() {
        const body = bodyOf(this);
        if (body.bytes === undefined && body.stream === undefined) return null;
        if (body.stream === undefined) {
          body.stream = streamOf(body.bytes);
          if (body.used) void body.stream.cancel();
          body.bytes = undefined;
        }
        return body.stream;
      },
      configurable: true,
      enumerable: true,
    });
  };

  /** A second body with the same bytes. */
  const fork = (body) => {
    if (body.used || body.stream?.locked) throw new TypeError('The body has been used');
    if (body.stream === undefined) return { ...body };
    const [mine, other] = body.stream.tee();
    body.stream = mine;
    return { ...body, stream: other };
  };

  return { extract, fork, withBody };
}
