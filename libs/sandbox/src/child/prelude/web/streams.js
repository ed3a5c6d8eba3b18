/** Streams: web-streams-polyfill, which is the standard's reference implementation, and streams of text. */
import * as standard from 'web-streams-polyfill';

export function make(web) {
  const { TextDecoder, encode } = web.use('encoding');
  const { webClass } = web.use('events');
  const { TransformStream } = standard;

  class Pipe {
    #stream;
    constructor(transformer) {
      this.#stream = new TransformStream(transformer);
    }
    get readable() {
      return this.#stream.readable;
    }
    get writable() {
      return this.#stream.writable;
    }
  }

  class TextEncoderStream extends Pipe {
    constructor() {
      // A pair of surrogates may come in two pieces.
      let high = '';
      super({
        transform(chunk, controller) {
          const text = high + String(chunk);
          const last = text.charCodeAt(text.length - 1);
          high = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
          const bytes = encode(high ? text.slice(0, -1) : text);
          if (bytes.length > 0) controller.enqueue(bytes);
        },
        flush(controller) {
          if (high) controller.enqueue(encode(high));
        },
      });
    }
    get encoding() {
      return 'utf-8';
    }
  }

  class TextDecoderStream extends Pipe {
    #decoder;
    constructor(label = 'utf-8', options = {}) {
      const decoder = new TextDecoder(label, options);
      super({
        transform(chunk, controller) {
          const text = decoder.decode(chunk, { stream: true });
          if (text !== '') controller.enqueue(text);
        },
        flush(controller) {
          const text = decoder.decode();
          if (text !== '') controller.enqueue(text);
        },
      });
      this.#decoder = decoder;
    }
    get encoding() {
      return this.#decoder.encoding;
    }
    get fatal() {
      return this.#decoder.fatal;
    }
    get ignoreBOM() {
      return this.#decoder.ignoreBOM;
    }
  }
  return {
    ...standard,
    TextEncoderStream: webClass(TextEncoderStream),
    TextDecoderStream: webClass(TextDecoderStream),
  };
}
