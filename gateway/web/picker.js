/**
 * A text field that offers names: pick one, or type what is not listed.
 *
 * Source: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ (editable, list)
 */

/** Lists of thousands are narrowed by typing, not by scrolling. */
const SHOWN = 200;

export class Picker {
  #groups = new Map();
  #options = [];
  #active = -1;

  /** `input` has role combobox, `list` role listbox. */
  constructor(input, list) {
    this.input = input;
    this.list = list;
    input.addEventListener("click", () => this.#open(""));
    input.addEventListener("input", () => this.#open(input.value));
    input.addEventListener("blur", () => this.#close());
    input.addEventListener("keydown", (event) => this.#key(event));
    // Keeps the focus in the field, so that a click is not a blur first.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => this.#choose(event.target.closest("[role=option]")));
  }

  get value() {
    return this.input.value.trim();
  }

  set value(name) {
    this.input.value = name;
    this.#close();
  }

  /** Offer `names` under a heading, after those offered before. */
  offer(heading, names) {
    const known = this.#groups.get(heading) ?? [];
    this.#groups.set(heading, [...new Set([...known, ...names])]);
  }

  clear() {
    this.#groups.clear();
  }

  get #expanded() {
    return !this.list.hidden;
  }

  #open(filter) {
    const wanted = filter.trim().toLowerCase();
    const groups = [...this.#groups].map(([heading, names]) => [
      heading, names.filter((name) => name.toLowerCase().includes(wanted)),
    ]);
    this.list.replaceChildren(...this.#elements(groups));
    this.#options = [...this.list.querySelectorAll("[role=option]")];
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#activate(-1);
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #elements(groups) {
    let room = SHOWN;
    let left = 0;
    const elements = [];
    for (const [heading, names] of groups) {
      const shown = names.slice(0, room);
      room -= shown.length;
      left += names.length - shown.length;
      if (shown.length) elements.push(this.#group(heading, shown, elements.length));
    }
    if (left) elements.push(note(`${left} more: type to narrow the list`));
    if (!elements.length) elements.push(note("Not listed; it is sent as typed."));
    return elements;
  }

  #group(heading, names, at) {
    const title = make("div", { className: "heading", id: `models-${at}`, textContent: heading });
    const group = make("div", { role: "group" });
    group.setAttribute("aria-labelledby", title.id);
    group.append(title, ...names.map((name, i) => this.#option(name, `model-${at}-${i}`)));
    return group;
  }

  #option(name, id) {
    const option = make("div", { role: "option", id, textContent: name });
    option.setAttribute("aria-selected", String(name === this.value));
    return option;
  }

  #activate(at) {
    this.#options[this.#active]?.classList.remove("active");
    this.#active = at;
    const option = this.#options[at];
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.classList.add("active");
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }

  #choose(option) {
    if (!option) return;
    this.value = option.textContent;
    this.input.dispatchEvent(new Event("change"));
  }

  #key(event) {
    const action = this.#expanded ? this.#actions[event.key] : this.#openers[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  #openers = {
    ArrowDown: () => this.#open(""),
    ArrowUp: () => this.#open(""),
  };

  #actions = {
    ArrowDown: () => this.#activate((this.#active + 1) % this.#options.length),
    ArrowUp: () => this.#activate((Math.max(this.#active, 0) || this.#options.length) - 1),
    Enter: () => {
      this.#choose(this.#options[this.#active]);
      this.#close();
    },
    Escape: () => this.#close(),
  };
}

function note(text) {
  return make("div", { className: "note", textContent: text });
}

function make(tag, members) {
  return Object.assign(document.createElement(tag), members);
}
