// What the page says, in the person's language: sentences by their keys, what is asked, and what went wrong.

import { Malformed } from "./encoding.js";
import { NoAnswer } from "./line.js";
import { NotEntered } from "./phone.js";
import { Refused } from "./protocol.js";

const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu;
const HIDDEN = ["expires", "nonce", "phone"];
const FIRST = ["origin", "organisation", "ura", "person", "name", "client", "action", "subject", "about", "reason"];
const WORDS = { action: "action", role: "role" }; // fields whose values have words of their own

/** Text as it is, but for characters that are not seen or turn others around: they are named. */
export function visible(text) {
  return text.replace(UNSEEN, (one) => {
    const code = one.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

export class Words {
  #texts;

  /** @param texts sentences by their keys, with `{placeholders}` */
  constructor(texts, lang) {
    this.#texts = texts;
    this.lang = lang;
  }

  say(key, values = {}) {
    return this.#texts[key].replace(/\{(\w+)\}/g, (whole, name) => visible(String(values[name] ?? whole)));
  }

  /** All that is signed, by name and value, but for what only programs read: first what matters most. */
  facts(fields) {
    const names = FIRST.filter((name) => Object.hasOwn(fields, name));
    const others = Object.keys(fields).filter((name) => !FIRST.includes(name) && !HIDDEN.includes(name));
    return [...names, ...others.sort()].map((name) => [this.#name(name), this.#value(name, fields[name])]);
  }

  #name(name) {
    const key = `phone.fact.${name}`;
    return Object.hasOwn(this.#texts, key) ? this.#texts[key] : visible(name);
  }

  #value(name, value) {
    const key = Object.hasOwn(WORDS, name) ? `${WORDS[name]}.${value}` : "";
    if (Object.hasOwn(this.#texts, key)) return this.#texts[key];
    return value === "" ? this.say("asked.empty") : visible(value);
  }

  /** By what a person knows an ID. */
  id({ person, organisation, since }) {
    if (person) return this.say("id.known", { person, organisation });
    return this.say("id.new", { since: this.moment(since, { dateStyle: "long", timeStyle: "short" }) });
  }

  /** What is to be said of an ID's state. */
  state({ state, code, triesLeft }) {
    if (state === "linked" && triesLeft <= 2) return this.say("state.linked.low", { tries: triesLeft });
    return this.say(`state.${state}`, { code });
  }

  time(iso) {
    return this.moment(Date.parse(iso), { timeStyle: "medium" });
  }

  moment(at, how) {
    return Number.isNaN(at) ? "?" : new Intl.DateTimeFormat(this.lang, how).format(at);
  }

  /** Why an address that was scanned or pasted does not serve. */
  notScanned(error) {
    const known = error instanceof Malformed && ["version", "origin"].includes(error.reason);
    return this.say(known ? `failed.${error.reason}` : "failed.qr");
  }

  /** What went wrong, and what to do; what nobody foresaw is thrown on. */
  failed(error) {
    if (error instanceof NotEntered) return this.say(ENTERED[error.what]);
    if (error instanceof NoAnswer) return this.say(UNREACHED.includes(error.reason) ? "failed.connection" : "failed.answer");
    if (error instanceof Refused) return this.#refused(error.code, error.details);
    if (error instanceof Malformed) return this.say("failed.answer");
    throw error;
  }

  #refused(code, details) {
    const reason = details.get("reason");
    if (code === "portal.pairing") return this.say(PAIRING[reason] ?? "failed.pairing");
    if (code === "portal.phone_digits") {
      const tries = details.get("tries_left");
      return this.say(tries === 0 ? "failed.blocked" : "failed.digits", { tries });
    }
    if (code === "portal.session" && reason === "clock") return this.say("clock", { now: this.time(details.get("now")) });
    return this.say(REFUSED[code] ?? "failed.other", { code });
  }
}

const ENTERED = { digits: "entered.six", number: "entered.two", device: "entered.device", again: "entered.same" };
const UNREACHED = ["connection", "status"];
const PAIRING = { used: "failed.used", expired: "failed.expired" };
const REFUSED = {
  "portal.phone_number": "failed.number",
  "portal.session": "failed.late",
  "portal.replay": "done.over.text",
  "portal.transition": "failed.state",
  "certificate.signature": "failed.answer",
  "encoding.message": "failed.answer",
};
