// A page with steps, of which one is seen: every sentence is in the page, and this shows and hides.
//
//   [data-step=NAME]                 a part; its heading gets the focus when it is shown
//   [data-steps="NAME …"]            its place in the list of steps
//   [data-cue=…] [data-prompt=…]     what to do now, within a part or beneath all
//   form[data-question=CODE]         what the agent asks; it stands in the part that is to be shown
//   [data-on-prompt] [data-on-progress]    parts that are shown when that begins
//   [data-failure="CODE …"]          what to do about an error; the longest code that is the error's, or begins it
//   [data-word=KEY]                  a word for what the agent names

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const FIRST_YEAR = 1900;
const HEADING = "h2, h3";

export class View {
  #root;
  #guarded = false;
  #making = false;
  #clock = 0;
  #alertStays = 0;
  #seen = "";
  #title = document.title;

  constructor(root) {
    this.#root = root;
    this.agent = root.dataset.agent;
    this.lang = document.documentElement.lang || "nl";
    addEventListener("beforeunload", (event) => {
      if (this.#guarded) event.preventDefault();
    });
    addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload(); // back: what stood here is over
    });
  }

  // --- the agent, and what is needed

  reaching() {
    this.show("agent");
    this.#only("[data-agent-state]", "agentState", "connecting");
  }

  slow() {
    this.#only("[data-agent-state]", "agentState", "slow");
    this.#say(this.#find("[data-agent-state=slow]").textContent);
  }

  pairing(code) {
    this.#fill("pairing-code", code);
    this.#only("[data-agent-state]", "agentState", "pairing");
    this.#find("[data-agent-state=pairing] [tabindex]").focus();
  }

  /** Resolves with what was chosen when the person begins. */
  begin() {
    this.show("needs");
    const form = this.#find("form[data-begin]");
    form.inert = false;
    return submitted(form, new AbortController().signal).then(() => {
      form.inert = true;
      const reader = form.elements.reader?.value;
      return reader ? { reader } : {};
    });
  }

  /** What is needed, as the portal sees it: its word, by its rules, on what the agent has found. */
  async needs({ version, readers, error }) {
    const list = this.#find("[data-needs]");
    const seen = new URLSearchParams({ version, platform: platform(), readers: String(readers.length) });
    const kinds = readers.map((reader) => reader.kind).filter(Boolean);
    if (kinds.length > 0) seen.set("kinds", kinds.join(" "));
    this.#readers(readers);
    this.#fill("needs-message", error?.message ?? "");
    if (String(seen) === this.#seen) return; // the portal has judged just this
    const answer = await fetch(`${list.dataset.needs}?${seen}`).catch(() => null);
    if (answer?.ok) {
      list.innerHTML = await answer.text();
      this.#seen = String(seen);
    }
    this.#find("form[data-begin] [type=submit]").disabled = list.querySelector("[data-in-the-way]") !== null;
  }

  #readers(readers) {
    const choice = this.#find("form[data-begin]").elements.reader;
    if (!choice) return;
    const names = readers.map((reader) => reader.name);
    const known = [...choice.options].slice(1).map((option) => option.value);
    choice.closest("[data-choice]").hidden = names.length < 2;
    if (names.join("\n") === known.join("\n")) return;
    choice.length = 1;
    for (const name of names) choice.add(new Option(name, name));
  }

  // --- one part

  show(name) {
    const parts = [...this.#root.querySelectorAll("[data-step]")];
    const part = parts.find((candidate) => candidate.dataset.step === name);
    this.#quiet();
    if (!part || !part.hidden) return;
    for (const other of parts) other.hidden = other !== part;
    this.#besides(part);
    const items = [...this.#root.querySelectorAll("[data-steps]")];
    const current = items.find((item) => item.dataset.steps.split(" ").includes(name));
    if (current) mark(items, current);
    const heading = part.querySelector(HEADING);
    document.title = `${heading.textContent.trim()} – ${this.#title}`;
    heading.focus();
  }

  /** How far the making is stands beneath the parts in which the card must stay in. */
  #besides(part) {
    const panel = this.#find("[data-progress]");
    if (panel) panel.hidden = !(this.#making && part?.hasAttribute("data-on-progress"));
  }

  cue(cue) {
    this.#goOn();
    const line = this.#part(`[data-cue="${cue}"]`);
    if (line) this.#reveal(line);
  }

  prompt(what) {
    this.#goOn();
    const part = this.#find(`[data-on-prompt~="${what}"]`);
    if (part) this.show(part.dataset.step);
    const line = this.#find(`[data-prompt~="${what}"]`);
    if (line) this.#reveal(line);
  }

  progress(step, share, left) {
    this.#goOn();
    const part = this.#find(`[data-on-progress~="${step}"]`) ?? this.#find("[data-on-progress=any]");
    const bar = this.#find("progress");
    this.#making = true;
    if (part) this.show(part.dataset.step);
    this.#besides(part);
    bar.value = Math.round(share * 100);
    const line = this.#find(`[data-making="${step}"]`);
    if (line && !line.hasAttribute("aria-current")) {
      line.hidden = false;
      mark([...line.parentElement.children], line);
      this.#say(line.textContent);
    }
    const seconds = Number.isFinite(left) ? Math.max(1, Math.round(left)) : null;
    const time = this.#find("[data-left]");
    time.textContent = seconds === null ? "" : time.dataset.left.replace("{seconds}", seconds);
  }

  /** The answer of the person: true, what was entered, or null for no. */
  async ask(code, facts, signal) {
    this.#goOn();
    const form = this.#part(`form[data-question="${code}"]`);
    if (!form) return null;
    this.#facts(form.querySelector("[data-facts]"), facts);
    form.hidden = false;
    (form.querySelector(HEADING) ?? form.closest("[data-step]").querySelector(HEADING)).focus();
    this.#say("");
    this.#find("[data-stop]").hidden = form.matches(":has([value=no]):not([data-goes-back])"); // one way to stop is enough
    for (;;) {
      const button = await submitted(form, signal);
      const value = button?.value === "no" ? null : entered(form);
      if (value === undefined) continue;
      form.hidden = true;
      return value;
    }
  }

  /** The same part, until the agent says more. */
  wait() {
    this.#alert("");
    this.#quiet();
    this.#find("[data-stop]").hidden = false;
    this.#reveal(this.#find("[data-wait]"));
    this.#find("[data-step]:not([hidden])").querySelector(HEADING).focus();
  }

  /** Said until the person has done what is asked next. */
  refused(error) {
    this.#alert(error.message, 1);
  }

  /** Said until there is another card. */
  otherCard(kind) {
    this.#alert(this.#find("[data-other-card]").dataset.otherCard.replace("{kind}", this.#word(`kind.${kind}`, kind)));
  }

  // --- the phone

  phone(svg, until) {
    const image = this.#part("[data-qr]");
    const octets = new TextEncoder().encode(svg);
    image.src = `data:image/svg+xml;base64,${btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""))}`;
    image.hidden = this.#find("[data-phone-left]").hidden = false;
    this.#reveal(this.#find("[data-phone=scan]"));
    const end = Date.parse(until);
    const tick = () => {
      const left = Math.max(0, Math.round((end - Date.now()) / 1000));
      this.#fill("qr-left", `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
    };
    tick();
    this.#clock = setInterval(tick, 1000);
  }

  scanned() {
    this.#noCode();
    this.#reveal(this.#find("[data-phone=scanned]"));
  }

  #noCode() {
    clearInterval(this.#clock);
    const image = this.#find("[data-qr]");
    if (image) {
      image.removeAttribute("src");
      image.hidden = this.#find("[data-phone-left]").hidden = true;
    }
  }

  // --- the end

  /** Show how it ended; where the part has a button for it, only after that was pressed (ORG-6). */
  async done(result, step) {
    this.#alert("");
    const next = this.#find("[data-step]:not([hidden]) [data-next]");
    if (next) {
      this.#reveal(this.#find("[data-phone=linked]"));
      next.disabled = false;
      next.focus();
      await new Promise((resolve) => next.addEventListener("click", resolve, { once: true }));
    }
    for (const place of this.#root.querySelectorAll("[data-result]")) this.#put(place, result);
    for (const line of this.#root.querySelectorAll("[data-outcome]")) line.hidden = line.dataset.outcome !== step;
    this.#say("");
    this.show("done");
  }

  /** A part of the result in its place; where there is none, what goes with it is hidden. */
  #put(place, result) {
    const value = place.dataset.result.split(".").reduce((found, name) => found?.[name], result);
    const known = value !== undefined && value !== null && value !== "" && value !== false;
    const kind = place.dataset.as;
    if (kind === "date") place.textContent = known ? this.#date(String(value).slice(0, 10)) : "";
    else if (kind) place.textContent = this.#word(`${kind}.${value}`, value);
    else if (kind !== "") place.textContent = known ? value : "";
    const group = place.closest("[data-if-result]");
    if (group) group.hidden = !known;
  }

  /** Resolves with the step that the person chooses. */
  chosen() {
    this.show("menu");
    return new Promise((resolve) => {
      for (const button of this.#root.querySelectorAll("[data-start]")) {
        button.onclick = () => resolve(button.dataset.start);
        button.disabled = false; // as the page came it could not be pressed: nobody would have heard
      }
    });
  }

  /** The organisation to act for, where the person has named one. */
  chosenOrganisation() {
    const ura = this.#find("[data-organisation]").value.trim();
    return ura === "" ? {} : { ura };
  }

  /** Resolves when what was done has been seen. */
  seen() {
    return new Promise((resolve) => this.#find("[data-back]").addEventListener("click", resolve, { once: true }));
  }

  /** Show what to do about an error; resolves when the person wants to begin again. */
  failed(error) {
    this.#noCode();
    this.#alert("");
    const parts = [...this.#root.querySelectorAll("[data-failure]")];
    const fits = (part) => Math.max(0, ...part.dataset.failure.split(" ").map((code) => length(code, error.code)));
    const best = parts.reduce((one, other) => (fits(other) > fits(one) ? other : one));
    for (const part of parts) part.hidden = part !== best;
    this.#fill("failure-message", error.message);
    this.#fill("failure-found", error.details.found ?? "");
    this.#say("");
    this.show("failed");
    best.querySelector(HEADING).focus();
    for (const form of this.#root.querySelectorAll("form[data-question]")) form.hidden = true;
    const again = this.#find("[data-again]");
    return new Promise((resolve) => again.addEventListener("click", resolve, { once: true }));
  }

  /** While this holds, the browser asks before it leaves the page. */
  guard(on) {
    this.#guarded = on;
  }

  /** A step goes on, and can be ended. */
  began(cancel) {
    this.#making = false;
    this.#part("[data-on-start]");
    this.#find("[data-cancel]").onclick = cancel;
    this.wait();
  }

  ended() {
    this.#find("[data-stop]").hidden = true;
  }

  // --- parts of it

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  /** An element, and the part that it is in is shown. */
  #part(selector) {
    const found = this.#find(selector);
    const part = found?.closest("[data-step]");
    if (part) this.show(part.dataset.step);
    return found;
  }

  #quiet() {
    for (const line of this.#root.querySelectorAll("[data-cue], [data-prompt], [data-phone], [data-wait]")) {
      line.hidden = true;
    }
  }

  #reveal(line) {
    for (const other of this.#root.querySelectorAll("[data-cue], [data-prompt], [data-phone], [data-wait]")) {
      other.hidden = other !== line;
    }
    this.#say(line.textContent);
  }

  #alert(text, stays = 0) {
    this.#alertStays = stays;
    this.#find("[data-alert]").textContent = text;
  }

  #goOn() {
    if (this.#alertStays === 0) this.#alert("");
    else this.#alertStays -= 1;
  }

  #say(text) {
    this.#find("[data-live]").textContent = text.trim().replace(/\s+/g, " ");
  }

  #fill(name, text) {
    for (const place of this.#root.querySelectorAll(`[data-fill="${name}"]`)) place.textContent = text;
  }

  #only(selector, key, value) {
    for (const element of this.#root.querySelectorAll(selector)) element.hidden = element.dataset[key] !== value;
  }

  #word(key, otherwise) {
    return this.#find(`[data-word="${CSS.escape(key)}"]`)?.textContent ?? otherwise;
  }

  #facts(list, facts) {
    if (!list) return;
    list.replaceChildren();
    for (const [name, value] of facts) {
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.textContent = this.#word(`fact.${name}`, name);
      said.textContent = DAY.test(value) ? this.#date(value) : value;
      list.append(term, said);
    }
  }

  #date(iso) {
    return new Date(`${iso}T00:00:00Z`).toLocaleDateString(this.lang, { dateStyle: "long", timeZone: "UTC" });
  }
}

/** Of a list in order: which one it is now, and which ones are done. */
function mark(items, current) {
  const at = items.indexOf(current);
  for (const [index, item] of items.entries()) {
    item.classList.toggle("done", index < at);
    if (index === at) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

/** Resolves with the button by which the form was sent; never after the signal. */
function submitted(form, signal) {
  return new Promise((resolve) => {
    const send = (event) => {
      event.preventDefault();
      resolve(event.submitter);
    };
    form.addEventListener("submit", send, { once: true, signal });
  });
}

/** What was entered: true where nothing is; undefined, and said, where it cannot be right. */
function entered(form) {
  const fields = [...form.querySelectorAll("input:not([type=hidden])")];
  if (fields.length === 0) return true;
  const value = form.dataset.entry === "date" ? birthDate(form) : digits(fields[0].value);
  const said = form.querySelector("[data-wrong]");
  said.hidden = value !== undefined;
  for (const field of fields) {
    field.setAttribute("aria-invalid", String(value === undefined));
    const told = new Set((field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== said.id));
    if (value === undefined) told.add(said.id);
    field.setAttribute("aria-describedby", [...told].join(" "));
  }
  if (value === undefined) fields[0].focus();
  return value;
}

function digits(text) {
  const found = text.replace(/\s/g, "");
  return /^\d{6}$/.test(found) ? found : undefined;
}

/** A date that exists, of somebody who may live, as ISO 8601. */
export function birthDate(form) {
  const [day, month, year] = ["day", "month", "year"].map((name) => form.elements[name].value.trim());
  if (![day, month, year].every((part) => /^\d{1,4}$/.test(part))) return undefined;
  const iso = `${year.padStart(4, "0")}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const found = new Date(`${iso}T00:00:00Z`);
  const exists = !Number.isNaN(found.valueOf()) && found.toISOString().startsWith(iso);
  return exists && Number(year) >= FIRST_YEAR && found <= new Date() ? iso : undefined;
}

function length(code, found) {
  if (code === "any") return 1;
  return found === code || found.startsWith(`${code}.`) ? code.length + 1 : 0;
}

/** As Python's platform.system() names it. */
function platform() {
  const named = navigator.userAgentData?.platform ?? navigator.platform ?? "";
  if (/win/i.test(named)) return "Windows";
  return /mac|iphone|ipad/i.test(named) ? "Darwin" : "Linux";
}
