/** Talking to the gateway: its models, one chat request, the key for both. */

import { Reply, readError } from "./reply.js";
import { readEvents } from "./sse.js";

const KEY = "sluicegate.key";

/** The caller's key lives as long as the tab, and nowhere else. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

const endpoint = (path) => new URL(`v1/${path}`, document.baseURI);
const authorization = () => (key.get() ? { authorization: `Bearer ${key.get()}` } : {});

/** Return `[{id, owned_by}]`; throws an Error with `status`. */
export async function listModels() {
  const response = await fetch(endpoint("models"), { headers: authorization() });
  if (!response.ok)
    throw Object.assign(new Error(response.statusText), { status: response.status });
  return (await response.json()).data;
}

/** One request and the figures of what came of it. */
export class Exchange {
  reply = new Reply();
  status = null;
  requestId = null;
  bytes = 0;
  /** `{state, code, message}`; `null` while running. */
  outcome = null;
  #started = performance.now();
  #first = null;
  #last = null;
  #ended = null;

  constructor(body) {
    this.body = body;
  }

  /** Run to the end, whatever it is; `onPieces` gets the pieces of the reply. */
  async run(signal, onPieces) {
    try {
      this.outcome = await this.#run(signal, onPieces);
    } catch (error) {
      // After the end was said, how the connection closed does not matter.
      if (this.reply.done) this.outcome = this.reply.outcome();
      else if (signal.aborted) this.outcome = { state: "stopped" };
      else this.outcome = { state: "failed", code: "connection", message: `${error}` };
    }
    this.#ended = performance.now();
  }

  async #run(signal, onPieces) {
    const response = await fetch(endpoint("chat/completions"), {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization() },
      body: JSON.stringify(this.body),
      signal,
    });
    this.status = response.status;
    this.requestId = response.headers.get("x-request-id");
    if (!response.ok) return { state: "failed", ...(await this.#refusal(response)) };
    if (/\bjson\b/.test(response.headers.get("content-type") ?? ""))
      this.#take(this.reply.readWhole(JSON.parse(await this.#text(response))), onPieces);
    else await this.#stream(response, onPieces);
    return this.reply.outcome();
  }

  async #stream(response, onPieces) {
    for await (const events of readEvents(response.body, (n) => (this.bytes += n)))
      this.#take(events.flatMap((event) => this.reply.read(event)), onPieces);
  }

  #take(pieces, onPieces) {
    if (!pieces.length) return;
    this.#last = performance.now();
    this.#first ??= this.#last;
    onPieces(pieces);
  }

  async #text(response) {
    const body = await response.arrayBuffer();
    this.bytes = body.byteLength;
    return new TextDecoder().decode(body);
  }

  async #refusal(response) {
    const text = await this.#text(response);
    const fallback = text.slice(0, 500) || response.statusText || "no explanation";
    const retry = response.headers.get("retry-after");
    const error = { code: null, message: fallback, ...parsedError(text) };
    if (retry) error.message += ` (retry after ${/\D/.test(retry) ? retry : `${retry} s`})`;
    return error;
  }

  /** The figures so far, times in milliseconds; `null` is "not known (yet)". */
  figures() {
    const { usage, deltas, finish } = this.reply;
    const reported = usage.completion_tokens ?? null;
    const tokens = reported ?? deltas;
    const paced = this.#last - this.#first;
    return {
      status: this.status,
      first: this.#first && this.#first - this.#started,
      tokens: this.#first === null && reported === null ? null : tokens,
      counted: reported === null,
      // The first token opens the interval, so it is not in the rate.
      rate: paced > 0 && tokens > 1 ? ((tokens - 1) / paced) * 1000 : null,
      prompt: usage.prompt_tokens ?? null,
      reasoning: usage.completion_tokens_details?.reasoning_tokens ?? null,
      duration: (this.#ended ?? performance.now()) - this.#started,
      finish,
      bytes: this.bytes,
      requestId: this.requestId,
    };
  }
}

function parsedError(text) {
  try {
    const { error, detail, message } = JSON.parse(text);
    const found = error ?? detail ?? message;
    return found ? readError(found) : {};
  } catch {
    return {};
  }
}

/** Return a shell command that sends `body`; the key stays a variable. */
export function asCurl(body) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const secret = key.get() ? ['-H "Authorization: Bearer $SLUICEGATE_API_KEY"'] : [];
  return [
    `curl -N ${quote(endpoint("chat/completions").href)}`,
    "-H 'Content-Type: application/json'",
    ...secret,
    `-d ${quote(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}
