// The page's parts: one view at a time, its texts filled in as text, and where the keyboard is.

export class Views {
  #root;
  #title;
  #pressed = null;
  current = "loading";

  constructor(root) {
    this.#root = root;
    this.#title = document.title;
  }

  find(selector) {
    return this.#root.querySelector(selector);
  }

  /** Shows a view in the place of the one that was there, and puts the keyboard at its heading, which is then read out. */
  show(name, { heading, quiet = false } = {}) {
    for (const view of this.#root.querySelectorAll("[data-view]")) view.hidden = view.dataset.view !== name;
    this.current = name;
    const title = this.find(`[data-view=${name}] h1`);
    if (heading) title.textContent = heading;
    document.title = `${title.textContent} – ${this.#title}`;
    if (!quiet) title.focus();
  }

  /** Fills a place by its name; with null it is not shown. */
  text(name, text) {
    const place = this.find(`[data-text="${name}"]`);
    place.textContent = text ?? "";
    place.hidden = text === null;
  }

  part(name, shown) {
    for (const part of this.#root.querySelectorAll(`[data-part="${name}"]`)) part.hidden = !shown;
  }

  /** What stands behind the # where the page is opened in another language. */
  language(hash) {
    document.querySelector(".language a").hash = hash;
  }

  /** Says above every view what is wrong with the way to the portal; with "" nothing is. */
  notice(text) {
    const place = this.find("[data-notice]");
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
  }

  form(name) {
    return this.find(`form[data-form="${name}"]`);
  }

  /** A form as it begins: nothing entered, no error. */
  clear(name) {
    const form = this.form(name);
    form.reset();
    this.reveal(form, false);
    this.wrong(name, "");
    return form;
  }

  /** What is wrong with what was entered, and where; it is read out. */
  wrong(name, text, input = null) {
    const form = this.form(name);
    form.querySelector("[data-error]").textContent = text;
    for (const one of form.querySelectorAll("input")) {
      if (one === input) one.setAttribute("aria-invalid", "true");
      else one.removeAttribute("aria-invalid");
    }
    input?.focus();
  }

  /** Nothing can be pressed in a form while it is at work. */
  working(name, text) {
    const form = this.form(name);
    form.querySelector("[data-working]").textContent = text;
    if (text) this.#pressed = document.activeElement;
    for (const button of form.querySelectorAll("button")) button.disabled = text !== "";
    if (!text && document.activeElement === document.body) this.#pressed?.focus(); // what is disabled loses the keyboard
  }

  reveal(form, shown) {
    for (const input of form.querySelectorAll("input.digits[maxlength='6']")) input.classList.toggle("concealed", !shown);
  }

  /** Names and values, as text. */
  facts(pairs) {
    const rows = pairs.flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
    this.find("[data-facts]").replaceChildren(...rows);
  }

  /** The IDs: each `{ name, state, remove, label }`, where `remove` is what the button does. */
  list(entries, word) {
    const items = entries.map(({ name, state, remove, label }) => {
      const item = document.createElement("li");
      const button = element("button", word);
      button.type = "button";
      button.className = "second";
      button.setAttribute("aria-label", label);
      button.addEventListener("click", remove);
      item.append(element("h2", name), element("p", state), button);
      return item;
    });
    this.find("[data-list]").replaceChildren(...items);
  }
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
