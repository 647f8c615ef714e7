/**
 * Server-sent events out of bytes that arrive in any pieces.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

/** One per stream: feed it text as it comes, call `end` once at the end. */
export class SseParser {
  #tail = "";
  #afterCr = false;
  #event = "";
  #data = [];

  /** Return the events that `text` completes, as `{event, data}`. */
  feed(text) {
    if (text === "") return [];
    // A CR ends its line at once; an LF that follows in the next piece is the
    // second half of the same line end.
    const fresh = this.#afterCr && text[0] === "\n" ? text.slice(1) : text;
    this.#afterCr = text.endsWith("\r");
    // Only these three end a line: U+2028 and U+2029 are ordinary text.
    const lines = (this.#tail + fresh).split(/\r\n|\n|\r/);
    this.#tail = lines.pop();
    return lines.flatMap((line) => this.#line(line));
  }

  /**
   * Return the event that no blank line ended, marked `unfinished`.
   *
   * The standard drops it; some servers forget the last blank line.
   */
  end() {
    const rest = [...this.#line(this.#tail), ...this.#line("")];
    this.#tail = "";
    return rest.map((event) => ({ ...event, unfinished: true }));
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const [, name, value] = /^([^:]*)(?:: ?([^]*))?$/.exec(line);
    if (name === "data") this.#data.push(value ?? "");
    else if (name === "event") this.#event = value ?? "";
    return [];
  }

  #dispatch() {
    const event = { event: this.#event || "message", data: this.#data.join("\n") };
    const empty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    return empty ? [] : [event];
  }
}

/** Yield the events of a fetch body, a list per network read; `onBytes` counts. */
export async function* readEvents(body, onBytes = () => {}) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    onBytes(value.length);
    yield parser.feed(decoder.decode(value, { stream: true }));
  }
  yield [...parser.feed(decoder.decode()), ...parser.end()];
}
