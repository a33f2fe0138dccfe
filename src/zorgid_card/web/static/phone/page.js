// The phone's page: it listens to the portal while it is seen, shows what is asked, and does what its person says.

import { Malformed } from "./encoding.js";
import { onScanned } from "./fragment.js";
import { Line, NoAnswer } from "./line.js";
import { NotEntered, OVER, Phone } from "./phone.js";
import { readOffer, Refused } from "./protocol.js";
import { openStore } from "./store.js";
import { Views } from "./views.js";
import { Words } from "./words.js";

const EVERY = 1500; // milliseconds between two polls
const AWAY = 5000; // and where the portal is away
const BUSY_VIEWS = ["choose", "linking"]; // of which no question takes the place

class Page {
  #offer = null; // scanned, and waiting for digits
  #prepared = null; // a claim whose answer did not come
  #linking = null; // the ID whose code is shown
  #asked = null; // { id, question } that is shown
  #over = ""; // the nonce of what was answered last: a poll may still tell of it
  #working = false;
  #away = false;
  #listed = "";

  constructor(phone, views, words) {
    this.phone = phone;
    this.views = views;
    this.words = words;
  }

  async start() {
    this.#listen();
    const linking = (await this.phone.ids()).find((id) => id.state === "linking");
    if (linking) this.#showCode(linking);
    else await this.#showIDs({ quiet: true });
    onScanned((address) => this.#scanned(address));
    await this.#watch();
  }

  #listen() {
    const { views } = this;
    const doing = {
      ids: () => this.#showIDs(),
      refuse: () => this.#answer(() => this.phone.refuse(this.#asked.id, this.#asked.question), "refused"),
      again: () => this.#claim(),
    };
    for (const [name, act] of Object.entries(doing)) {
      for (const button of document.querySelectorAll(`[data-do="${name}"]`)) button.addEventListener("click", act);
    }
    const sending = { paste: () => this.#paste(), choose: () => this.#link(), asked: () => this.#approve() };
    for (const [name, act] of Object.entries(sending)) {
      views.form(name).addEventListener("submit", (event) => {
        event.preventDefault();
        act();
      });
    }
    for (const box of document.querySelectorAll("[data-reveal]")) {
      box.addEventListener("change", () => views.reveal(box.form, box.checked));
    }
  }

  // --- listening to the portal --------------------------------------------------------------------------------------

  async #watch() {
    for (;;) {
      if (document.visibilityState === "visible") await this.#round();
      await pause(this.#away ? AWAY : EVERY);
    }
  }

  async #round() {
    for (const id of await this.phone.ids()) {
      if (OVER.includes(id.state) || this.#working) continue;
      try {
        const said = await this.phone.poll(id);
        this.#reached(null);
        await this.#heard(id, said);
      } catch (error) {
        this.#reached(error);
      }
    }
    if (this.views.current === "ids") await this.#list();
  }

  /** Says what is wrong with the way to the portal or with the clock, or takes that back. */
  #reached(error) {
    const known = [NoAnswer, Refused, Malformed].some((kind) => error instanceof kind);
    if (error && !known) throw error;
    this.#away = error instanceof NoAnswer;
    if (!error) this.views.notice("");
    else this.views.notice(this.#away ? this.words.say("offline") : this.words.failed(error));
  }

  async #heard(id, { state, question }) {
    if (this.#working || (question && question.fields.nonce === this.#over)) return;
    if (this.#linking === id.phone && state !== "linking") return this.#linked(state);
    const open = this.views.current === "asked" ? this.#asked : null;
    if (open && open.id.phone !== id.phone) return; // one after the other: what is being answered stays
    if (open && !question) this.#done("over");
    else if (question && open?.question.fields.nonce !== question.fields.nonce && this.#free()) this.#ask(id, question);
  }

  /** Whether a question may take the place of what is shown. */
  #free() {
    return !BUSY_VIEWS.includes(this.views.current) && !this.views.find("dialog").open;
  }

  // --- linking ------------------------------------------------------------------------------------------------------

  #paste() {
    const input = this.views.form("paste").querySelector("input");
    const address = input.value.trim();
    this.views.clear("paste");
    return this.#scanned(address);
  }

  async #scanned(address) {
    try {
      this.#offer = readOffer(address);
      if (this.#offer.origin !== location.origin) throw new Malformed("origin");
    } catch (error) {
      return this.#failed(this.words.notScanned(error));
    }
    if (await this.phone.known(this.#offer)) return this.#showIDs();
    this.views.language(new URL(address).hash); // who reads the page in the other language begins with the same code
    const form = this.views.clear("choose");
    form.querySelector("#choose-device").value = deviceName();
    this.views.text("choose.text", this.words.say("choose.text", { origin: this.#offer.origin }));
    this.views.show("choose");
  }

  async #link() {
    const form = this.views.form("choose");
    const [digits, again, device] = ["digits", "again", "device"].map((name) => form.querySelector(`#choose-${name}`));
    await this.#work("choose", async () => {
      if (/^[0-9]{6}$/.test(digits.value) && digits.value !== again.value) throw new NotEntered("again");
      this.#prepared = await this.phone.prepare(this.#offer, digits.value, device.value.trim());
    }, { digits, again, device });
    if (!this.#prepared) return;
    this.#forget();
    this.views.clear("choose");
    await this.#claim();
  }

  /** The offer and its secret: they have served. */
  #forget() {
    this.#offer?.secret.fill(0);
    this.#offer = null;
    this.views.language("");
  }

  async #claim() {
    this.#working = true;
    try {
      await this.phone.claim(this.#prepared);
      this.#showCode(this.#prepared.id);
      this.#prepared = null;
    } catch (error) {
      const again = error instanceof NoAnswer;
      if (!again) this.#prepared = null;
      this.#failed(this.words.failed(error), again);
    } finally {
      this.#working = false;
    }
  }

  #showCode(id) {
    this.#linking = id.phone;
    this.views.text("code", id.code);
    this.views.show("linking");
  }

  #linked(state) {
    this.#linking = null;
    if (state !== "linked") return this.#failed(this.words.state({ state }));
    const { installed, apart } = place();
    this.views.part("install", !installed && !apart);
    this.views.part("bookmark", !installed && apart);
    this.views.part("not-kept", false);
    this.views.show("linked");
    this.#keep(); // some browsers ask the person, and listening goes on meanwhile
  }

  async #keep() {
    const kept = await navigator.storage?.persist?.();
    this.views.part("not-kept", !kept);
  }

  // --- what is asked ------------------------------------------------------------------------------------------------

  #ask(id, question) {
    const { views, words } = this;
    const { kind, fields, problem } = question;
    this.#asked = { id, question };
    views.clear("asked");
    views.facts(words.facts(fields));
    views.text("until", words.say("asked.until", { time: words.time(fields.expires) }));
    views.text("problem", problem && words.say(PROBLEMS[problem] ?? "problem.foreign"));
    for (const part of ["signing", "approve"]) views.part(part, !problem);
    views.show("asked", { heading: words.say(problem ? "asked.strange" : HEADINGS[kind]) });
  }

  async #approve() {
    const form = this.views.form("asked");
    const [number, digits] = ["number", "digits"].map((name) => form.querySelector(`#asked-${name}`));
    const { id, question } = this.#asked;
    const entered = [number.value, digits.value];
    await this.#answer(() => this.phone.approve(id, question, ...entered), "approved", { number, digits });
  }

  async #answer(act, name, inputs) {
    if (await this.#work("asked", act, inputs)) this.#done(name);
  }

  #close() {
    if (this.#asked) this.#over = this.#asked.question.fields.nonce;
    this.#asked = null;
  }

  #done(name) {
    this.#close();
    this.views.clear("asked");
    this.views.text("done", this.words.say(`done.${name}.text`));
    this.views.part("again", false);
    this.views.show("done", { heading: this.words.say(`done.${name}`) });
  }

  // --- what goes wrong ----------------------------------------------------------------------------------------------

  /** Does what a form asks for. What was entered wrong, and what may be tried again, is said there; all else ends it. */
  async #work(form, act, inputs = {}) {
    this.#working = true;
    this.views.wrong(form, "");
    this.views.working(form, this.words.say("working"));
    try {
      await act();
      return true;
    } catch (error) {
      this.views.working(form, "");
      if (error instanceof NotEntered) this.views.wrong(form, this.words.failed(error), inputs[error.what]);
      else if (error instanceof NoAnswer) this.views.wrong(form, this.words.failed(error));
      else this.#failed(this.words.failed(error));
      return false;
    } finally {
      this.views.working(form, "");
      this.#working = false;
    }
  }

  #failed(text, again = false) {
    this.#close();
    for (const form of ["asked", "choose"]) this.views.clear(form);
    this.views.text("done", text);
    this.views.part("again", again);
    this.views.show("done", { heading: this.words.say("done.failed") });
  }

  // --- the IDs ------------------------------------------------------------------------------------------------------

  async #showIDs(how) {
    this.#forget();
    this.#linking = this.#asked = null;
    this.#listed = "";
    await this.#list();
    const none = (await this.phone.ids()).length === 0;
    this.views.show("ids", { heading: this.words.say(none ? "welcome.title" : "ids.title"), ...how });
  }

  async #list() {
    const { views, words } = this;
    const ids = await this.phone.ids();
    const entries = ids.map((id) => ({ name: words.id(id), state: words.state(id), remove: () => this.#remove(id) }));
    const listed = JSON.stringify(entries);
    if (listed === this.#listed) return; // the keyboard stays where it is
    this.#listed = listed;
    views.list(entries.map((entry) => ({ ...entry, label: words.say("remove.of", { id: entry.name }) })), words.say("remove"));
    views.part("none", ids.length === 0);
    views.part("some", ids.length > 0);
  }

  #remove(id) {
    const dialog = this.views.find("dialog");
    dialog.returnValue = "no";
    this.views.text("remove", this.words.say("remove.text", { id: this.words.id(id) }));
    dialog.onclose = async () => {
      if (dialog.returnValue === "yes") await this.phone.remove(id);
      await this.#showIDs();
    };
    dialog.showModal();
  }
}

const HEADINGS = { "phone-log-in": "asked.log_in", "phone-approval": "asked.change" };
const PROBLEMS = { statement: "problem.statement", fields: "problem.statement", action: "problem.action" };

/** Waits, but no longer than until the page is seen again. */
function pause(time) {
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", over);
      done();
    };
    const timer = setTimeout(over, time);
    document.addEventListener("visibilitychange", over);
  });
}

const deviceName = () => /iPhone|iPad|Android/.exec(navigator.userAgent)?.[0] ?? "";

/** Whether this is the installed page, and whether an installed one would keep its IDs apart from this browser's, as on iOS. */
function place() {
  const installed = navigator.standalone === true || matchMedia("(display-mode: standalone)").matches;
  return { installed, apart: navigator.standalone !== undefined };
}

async function main() {
  const root = document.getElementById("phone");
  const views = new Views(root);
  let store;
  try {
    store = await openStore();
    if (!crypto.subtle) throw new TypeError("no WebCrypto");
  } catch {
    views.show("unsupported");
    return;
  }
  addEventListener("unhandledrejection", () => views.show("broken")); // better than a page that looks alive
  const words = new Words(JSON.parse(root.dataset.texts), root.dataset.lang);
  navigator.serviceWorker?.register("/phone/worker.js", { scope: "/phone" }).catch(() => {});
  await new Page(new Phone(store, new Line(location.origin)), views, words).start();
}

main();
