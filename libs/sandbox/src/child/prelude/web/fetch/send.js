/** Sends requests through the host, in pieces where bodies are large; see docs/reference for what it refuses. */
export function sender(web, partsOf, responseOf) {
  const { whenAborted } = web.use('events');
  const { base64, encode, fromBase64, latin1 } = web.use('encoding');
  // Written as JSON, the worst of it is twice as long: within what one host call may say.
  const pieceBytes = 98304;
  const wholeBytes = 98304;

  const bytesOf = (chunk) => {
    if (chunk.text !== undefined) return encode(chunk.text);
    return chunk.base64 === undefined ? new Uint8Array(0) : fromBase64(chunk.base64);
  };
  const ascii = (bytes) => {
    for (const byte of bytes) if (byte > 0x7e || byte < 0x20) return false;
    return true;
  };
  const chunkOf = (bytes) => (ascii(bytes) ? { text: latin1(bytes) } : { base64: base64(bytes) });

  // What the host refuses with keeps its code; a failure of the network is the TypeError that the standard has.
  const failure = (thrown) => {
    const code = thrown?.code;
    if (code !== 'NETWORK_FAILED' && code !== 'INVALID_REQUEST') return thrown;
    const error = new TypeError(thrown.message);
    for (const name of ['code', 'details']) {
      if (thrown[name] !== undefined)
        Object.defineProperty(error, name, { value: thrown[name], enumerable: true });
    }
    return error;
  };

  /** The body of a response that has not come whole: read from the host as it is read here. */
  const streamFrom = (host, id, first, abort) => {
    const { ReadableStream } = web.use('streams');
    let pending = first;
    return new ReadableStream(
      {
        type: 'bytes',
        async pull(controller) {
          const chunk =
            pending ??
            (await abort.during(host.call('http.read', { id })).catch((thrown) => {
              throw failure(thrown);
            }));
          pending = undefined;
          const bytes = bytesOf(chunk);
          if (bytes.length > 0) controller.enqueue(bytes);
          if (chunk.done) {
            abort.done();
            controller.close();
            controller.byobRequest?.respond(0);
          } else if (bytes.length === 0) return this.pull(controller);
        },
        async cancel() {
          abort.done();
          await host.call('http.abort', { id }).catch(() => {});
        },
      },
      { highWaterMark: 0 },
    );
  };

  const upload = async (host, request, stream, during) => {
    let answer = await during(host.call('http.request', { ...request, body: { stream: true } }));
    const reader = stream.getReader();
    while (answer.more) {
      const { done, value } = await during(reader.read());
      if (done) return during(host.call('http.write', { id: request.id, last: true }));
      if (!(value instanceof Uint8Array)) throw new TypeError('The stream gives something else than bytes');
      for (let at = 0; at < value.length && answer.more; at += pieceBytes) {
        const piece = chunkOf(value.subarray(at, at + pieceBytes));
        answer = await during(host.call('http.write', { id: request.id, ...piece }));
      }
    }
    // The server has answered before it had all.
    reader.cancel().catch(() => {});
    return answer;
  };

  return async (host, given) => {
    const { url, method, headers, redirect, signal, timeoutMs, body } = partsOf(given);
    signal.throwIfAborted();
    if (!host) throw new TypeError('Requests are sent by functions that run, not while the file loads');
    const id = host.nextId();
    const late = Promise.withResolvers();
    late.promise.catch(() => {});
    let over = false;
    const forget = whenAborted(signal, (reason) => {
      late.reject(reason);
      if (!over) host.call('http.abort', { id }).catch(() => {});
    });
    const abort = {
      during: (promise) => Promise.race([promise, late.promise]),
      done() {
        over = true;
        forget();
      },
    };
    const request = {
      ...{ id, url, method, redirect, headers: [...headers] },
      ...(timeoutMs !== undefined && { timeoutMs: Number(timeoutMs) }),
    };
    let answer;
    try {
      if (body.used || body.stream?.locked) throw new TypeError('The body has been used');
      const { bytes, stream } = body;
      if (bytes !== undefined || stream !== undefined) body.used = true;
      if (stream !== undefined) answer = await upload(host, request, stream, abort.during);
      else if (bytes !== undefined && bytes.length > wholeBytes) {
        answer = await upload(host, request, new (web.use('files').Blob)([bytes]).stream(), abort.during);
      } else {
        const whole = bytes === undefined ? {} : { body: chunkOf(bytes) };
        answer = await abort.during(host.call('http.request', { ...request, ...whole }));
      }
    } catch (thrown) {
      abort.done();
      throw failure(thrown);
    }
    const { status, statusText, url: finalUrl, redirected, headers: pairs, body: first } = answer;
    const made = { used: false, bytes: undefined, stream: undefined };
    if (first === null) abort.done();
    else if (first.done) {
      abort.done();
      made.bytes = bytesOf(first);
    } else made.stream = streamFrom(host, id, first, abort);
    return responseOf({ status, statusText, url: finalUrl, redirected, headers: pairs, body: made });
  };
}
