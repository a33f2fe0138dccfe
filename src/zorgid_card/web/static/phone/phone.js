// The phone: its IDs at one portal, and all that it does with them. It draws nothing.

import { Malformed } from "./encoding.js";
import { approve, claim, newKey, poll, readAnswer, readQuestion, refuse, Refused, verifierOf } from "./protocol.js";

const DIGITS = /^[0-9]{6}$/;
const NUMBER = /^[0-9]{2}$/;
const DEVICE = 40;

/** States of which nothing more comes: such an ID can only be removed. */
export const OVER = ["revoked", "expired", "unknown"];

/** What the person entered cannot be so; `what` is `digits`, `number` or `device`. */
export class NotEntered extends Error {
  constructor(what) {
    super(`not entered: ${what}`);
    this.what = what;
  }
}

export class Phone {
  #store;
  #line;
  #now;

  /**
   * @param store where the IDs lie (store.js)
   * @param line the way to the portal (line.js); its origin is the one of all IDs
   * @param now the phone's clock
   */
  constructor(store, line, now = () => new Date()) {
    this.#store = store;
    this.#line = line;
    this.#now = now;
  }

  /** The IDs that this phone has, the oldest first. */
  async ids() {
    return (await this.#store.all()).sort((one, other) => one.since - other.since);
  }

  /** The ID of an offer that was scanned before, if it is here. */
  async known(offer) {
    return (await this.#store.all()).find((one) => one.phone === offer.phone);
  }

  /**
   * Makes what a new ID needs: the device secret, a new key, and the claim, which `claim` sends. Neither the digits nor
   * what is derived from them is kept, nor the offer's secret.
   */
  async prepare(offer, digits, device) {
    if (!DIGITS.test(digits)) throw new NotEntered("digits");
    if ([...device].length > DEVICE) throw new NotEntered("device");
    if (offer.origin !== this.#line.origin) throw new Malformed("origin");
    const deviceSecret = crypto.getRandomValues(new Uint8Array(32));
    const key = await newKey();
    const { octets, code } = await claim(offer, key, await verifierOf(digits, deviceSecret), device);
    const id = { phone: offer.phone, origin: offer.origin, key: key.privateKey, deviceSecret, code };
    return { id: { ...id, state: "linking", since: this.#now().getTime() }, octets, kept: false };
  }

  /**
   * Sends the claim; where no answer comes, the same may be sent again. An ID that was refused is not kept, unless the
   * portal knows this very key by it: then an answer was lost, and the page has confirmed meanwhile.
   */
  async claim(prepared) {
    if (!prepared.kept) await this.#store.add(prepared.id);
    prepared.kept = true;
    try {
      readAnswer(await this.#line.insist(prepared.octets), "phone-claimed");
      await this.#store.change(prepared.id.phone, { state: "linking" }); // another window may have asked too soon
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if ((await this.poll(prepared.id)).state !== "unknown") return;
      await this.remove(prepared.id);
      throw error;
    }
  }

  /** What the portal says of an ID: `state`, `triesLeft`, and the `question` that waits, or null. */
  async poll(id) {
    const octets = await poll(id.key, id.origin, id.phone, this.#now());
    try {
      return await this.#taken(id, readAnswer(await this.#line.ask(octets), "phone-state"));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "portal.pairing") throw error;
      return this.#taken(id, { state: "unknown", tries_left: 0, statement: null, fields: null });
    }
  }

  async #taken(id, { state, tries_left: triesLeft, statement, fields }) {
    if ((statement === null) !== (fields === null)) throw new Malformed("fields");
    const question = statement === null ? null : readQuestion(statement, fields, id);
    const about = question && !question.problem ? namesOf(question.fields) : {};
    const known = { state, triesLeft, code: state === "linking" ? id.code : null, ...about };
    if (Object.entries(known).some(([name, value]) => id[name] !== value)) await this.#store.change(id.phone, known);
    return { state, triesLeft, question };
  }

  /** Signs what was shown, with the page's number, and proves the digits. */
  async approve(id, question, number, digits) {
    if (!NUMBER.test(number)) throw new NotEntered("number");
    if (!DIGITS.test(digits)) throw new NotEntered("digits");
    if (question.problem) throw new Malformed(question.problem);
    const verifier = await verifierOf(digits, id.deviceSecret);
    readAnswer(await this.#line.insist(await approve(id.key, verifier, question, number)), "phone-done");
  }

  /** Says no. */
  async refuse(id, question) {
    const octets = await refuse(id.key, id.origin, id.phone, question.fields.nonce);
    readAnswer(await this.#line.insist(octets), "phone-done");
  }

  /** Removes an ID with its key; the portal is not told. */
  remove(id) {
    return this.#store.remove(id.phone);
  }
}

/** By what a person knows an ID: the portal says it with the first question. */
function namesOf({ organisation = "", ura, person, name = "" }) {
  return { organisation, ura, person: name || person };
}
