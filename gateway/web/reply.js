/** One reply, put together from the chunks of OpenAI's chat dialect. */

export class Reply {
  text = "";
  thinking = "";
  refusal = "";
  /** `{id, name, text}` each; `text` is the arguments as the model wrote them. */
  calls = [];
  finish = null;
  usage = {};
  /** Pieces of output seen: the stand-in for a token count nobody reported. */
  deltas = 0;
  /** `{code, message}` once the stream said that it failed. */
  fault = null;
  done = false;

  /** Take one event; return the pieces it adds, as `{kind, text, call}`. */
  read({ data, unfinished }) {
    if (data.trim() === "[DONE]") {
      this.done = true;
      return [];
    }
    let chunk;
    try {
      chunk = JSON.parse(data);
    } catch {
      // Half an event is how a cut stream looks, and `outcome` tells that.
      if (!unfinished) this.fault = { message: "The stream held what is not JSON." };
      return [];
    }
    return this.#chunk(chunk);
  }

  /** Take a whole reply, from an upstream that did not heed `stream`. */
  readWhole(json) {
    const pieces = this.#chunk(json);
    this.done = this.fault === null && Array.isArray(json?.choices);
    return pieces;
  }

  /** Say how the reply ended, once its last byte was read. */
  outcome() {
    if (this.fault) return { state: "failed", ...this.fault };
    if (!this.done && this.finish === null)
      return {
        state: "truncated",
        message: "The stream ended early: no finish reason, no [DONE]. "
          + "This reply is incomplete.",
      };
    return { state: "completed", message: NOTES[this.finish ?? "none"] };
  }

  /** The reply as a turn of the conversation, `null` when it says nothing. */
  message() {
    if (!this.text && !this.refusal && !this.calls.length) return null;
    const message = { role: "assistant", content: this.text || null };
    if (this.refusal) message.refusal = this.refusal;
    if (this.calls.length)
      message.tool_calls = this.calls.filter(Boolean).map(({ id, name, text }) => ({
        id, type: "function", function: { name, arguments: text },
      }));
    return message;
  }

  #chunk(chunk) {
    if (chunk?.error) {
      this.fault = readError(chunk.error);
      return [];
    }
    this.#count(chunk?.usage ?? chunk?.x_groq?.usage);
    const choice = chunk?.choices?.[0];
    // Some servers write "" until there is a reason.
    if (choice?.finish_reason) this.finish = choice.finish_reason;
    const pieces = this.#pieces(choice?.delta ?? choice?.message ?? {});
    this.deltas += pieces.length;
    return pieces;
  }

  #count(usage) {
    for (const [name, value] of Object.entries(usage ?? {}))
      if (value !== null) this.usage[name] = value;
  }

  #pieces(delta) {
    const parts = Array.isArray(delta.content) ? delta.content : [];
    const text = typeof delta.content === "string" ? delta.content : join(parts);
    const thought = [delta.reasoning_content, delta.reasoning, thoughts(parts)];
    const pieces = [
      { kind: "thinking", text: thought.find((t) => t && typeof t === "string") },
      { kind: "text", text },
      { kind: "refusal", text: delta.refusal },
    ].filter((piece) => piece.text);
    for (const piece of pieces) this[piece.kind] += piece.text;
    return [...pieces, ...(delta.tool_calls ?? []).map((call) => this.#call(call))];
  }

  #call(delta) {
    const { name, arguments: input } = delta.function ?? {};
    const at = this.#position(delta, name);
    const call = (this.calls[at] ??= { id: "", name: "", text: "" });
    const text = typeof input === "object" ? JSON.stringify(input) : (input ?? "");
    call.id ||= delta.id || `call_${at}`;
    call.name ||= name ?? "";
    call.text += text;
    return { kind: "call", text, call: at, name: call.name };
  }

  /** Some servers leave the index out: then a name begins a new call. */
  #position(delta, name) {
    if (Number.isInteger(delta.index)) return delta.index;
    return name ? this.calls.length : Math.max(0, this.calls.length - 1);
  }
}

/** What a reader of a finished reply should know about its finish reason. */
const NOTES = {
  none: "The provider gave no finish reason.",
  length: "The reply was cut at its token limit.",
  content_filter: "A content filter ended the reply.",
};

/** Read the `error` member of a body or chunk: an object, or just text. */
export function readError(error) {
  if (typeof error === "string") return { message: error };
  const message = error.message || JSON.stringify(error);
  return { code: error.code ?? error.type ?? null, message };
}

/** Mistral writes content as a list of parts when it thinks. */
function join(parts) {
  return parts.map((part) => part.text ?? "").join("");
}

function thoughts(parts) {
  return join(parts.flatMap((part) => part.thinking ?? []));
}
