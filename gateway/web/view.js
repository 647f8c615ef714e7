/** The conversation on the page. Model text only ever becomes text nodes. */

/** Long text nodes are laid out anew on every addition, so they are kept short. */
const NODE_LENGTH = 2000;
/** This close to the end, in pixels, counts as reading along. */
const NEAR = 60;

const STATES = {
  waiting: "waiting",
  streaming: "streaming",
  completed: "completed",
  stopped: "stopped by you",
  truncated: "truncated",
  failed: "failed",
};

/** A scroller that follows its end only while the reader is there. */
export class Follower {
  #following = true;
  #top = 0;

  constructor(scroller, jump) {
    this.scroller = scroller;
    this.jump = jump;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toEnd());
  }

  follow() {
    if (this.#following) this.toEnd();
  }

  toEnd() {
    this.#following = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const distance = scrollHeight - scrollTop - clientHeight;
    // The least step upwards is somebody who wants to read in peace.
    this.#following = distance < (scrollTop < this.#top ? 2 : NEAR);
    this.#top = scrollTop;
    this.jump.hidden = this.#following;
  }
}

export function userTurn(text) {
  const turn = fromTemplate("user-turn");
  turn.querySelector(".text").textContent = text;
  return turn;
}

/** One reply; pieces that come within one frame are painted together. */
export class ReplyView {
  #queue = new Map();
  #frame = 0;
  #calls = [];

  constructor(model, follower) {
    this.element = fromTemplate("reply-turn");
    this.follower = follower;
    this.#find(".model").textContent = model;
    this.#state("waiting");
  }

  add(pieces) {
    for (const piece of pieces) {
      const target = this.#target(piece);
      this.#queue.set(target, (this.#queue.get(target) ?? "") + piece.text);
    }
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  show(figures) {
    for (const [name, value] of Object.entries(written(figures)))
      this.#find(`[data-figure=${name}]`).textContent = value ?? "–";
    this.#find("[data-figure=source]").dataset.counted = figures.counted;
  }

  end({ state, code, message }) {
    cancelAnimationFrame(this.#frame);
    this.#paint();
    this.#state(state);
    this.#find("[data-action=text]").hidden = !this.#find(".answer").hasChildNodes();
    const notice = this.#find(".notice");
    notice.hidden = !message;
    notice.querySelector(".code").textContent = code ?? "";
    notice.querySelector(".message").textContent = message ?? "";
    this.follower.follow();
  }

  /** Say under a tool call what the page will answer for it. */
  answered(text) {
    for (const { block } of this.#calls) {
      const note = block.querySelector(".answered");
      note.textContent = `Answered with your next message: ${text}`;
      note.hidden = false;
    }
    this.follower.follow();
  }

  leaveOut() {
    this.element.classList.add("left-out");
    this.#find(".left-out-note").hidden = false;
    this.follower.follow();
  }

  on(action, listener) {
    this.#find(`[data-action=${action}]`).addEventListener("click", listener);
  }

  #state(state) {
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", String(state in BUSY));
    this.#find(".state").textContent = STATES[state];
  }

  #target(piece) {
    if (this.element.dataset.state === "waiting") this.#state("streaming");
    switch (piece.kind) {
      case "thinking":
        return this.#thinking();
      case "refusal":
        this.#find(".refusal").hidden = false;
        return this.#find(".refusal .text");
      case "call":
        return this.#call(piece);
      default:
        return this.#answer();
    }
  }

  #thinking() {
    const block = this.#find(".thinking");
    if (block.hidden) block.open = true;
    block.hidden = false;
    return this.#find(".thinking .text");
  }

  #answer() {
    const answer = this.#find(".answer");
    // The thought folds away as the answer begins, but only once.
    if (answer.hidden) this.#find(".thinking").open = false;
    answer.hidden = false;
    return answer;
  }

  #call({ call, name }) {
    const known = (this.#calls[call] ??= this.#newCall());
    known.block.querySelector(".name").textContent = name;
    return known.text;
  }

  #newCall() {
    const block = fromTemplate("tool-call");
    this.#find(".calls").append(block);
    return { block, text: block.querySelector(".text") };
  }

  #paint() {
    this.#frame = 0;
    for (const [target, text] of this.#queue) append(target, text);
    this.#queue.clear();
    this.follower.follow();
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

const BUSY = { waiting: true, streaming: true };

function append(target, text) {
  const last = target.lastChild;
  if (last && last.length < NODE_LENGTH) last.appendData(text);
  else target.append(text);
}

function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function written(f) {
  return {
    status: f.status,
    first: f.first && time(f.first),
    tokens: f.tokens,
    source: f.tokens === null ? "" : f.counted ? "counted" : "reported",
    rate: f.rate && `${f.rate.toFixed(f.rate < 10 ? 2 : 1)}/s`,
    prompt: f.prompt,
    duration: time(f.duration),
    finish: f.finish,
    bytes: size(f.bytes),
    request: f.requestId,
  };
}

function time(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

function size(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}
