// The phone's page without its browser: the modules in node, told by lines of JSON what to do (tests/phone_page.py).

import { scryptSync, createPrivateKey, createPublicKey } from "node:crypto";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const at = process.argv[2];
const load = (name) => import(pathToFileURL(`${at}/${name}.js`));
const encoding = await load("encoding");
const der = await load("der");
const { scrypt } = await load("scrypt");
const protocol = await load("protocol");
const { Line, NoAnswer } = await load("line");
const { Phone, NotEntered } = await load("phone");
const { Words, visible } = await load("words");

const hex = (octets) => Buffer.from(octets).toString("hex");
const octets = (text) => new Uint8Array(Buffer.from(text, "hex"));

/** IDs in memory: IndexedDB is a browser's. */
class Memory {
  ids = new Map();
  all = async () => [...this.ids.values()];
  add = async (record) => void this.ids.set(record.phone, record);
  change = async (phone, fields) => void (this.ids.has(phone) && this.ids.set(phone, { ...this.ids.get(phone), ...fields }));
  remove = async (phone) => void this.ids.delete(phone);
}

let store, phone, line, apart, sent, broken, words;

/** A new phone; `address` is where the portal of that origin is served. */
function begin({ origin, address, texts, lang }) {
  store = new Memory();
  apart = 0;
  sent = [];
  broken = [];
  const send = async (url, how) => {
    sent.push(Buffer.from(how.body).toString());
    const fault = broken.shift();
    if (fault === "before") throw new TypeError("no way");
    const response = await fetch(url.replace(origin, address), how);
    if (fault === "after") throw new TypeError("no way back");
    return response;
  };
  line = new Line(origin, { send, pauses: [0, 0] });
  phone = new Phone(store, line, () => new Date(Date.now() + apart * 1000));
  words = new Words(texts ?? {}, lang ?? "en");
}

const latest = async () => (await phone.ids()).at(-1);
let prepared;
let question;

const DOING = {
  begin,
  apart: ({ seconds }) => void (apart = seconds),
  break: ({ faults }) => void (broken = faults),
  prepare: async ({ qr, digits, device }) => void (prepared = await phone.prepare(protocol.readOffer(qr), digits, device ?? "")),
  claim: async () => {
    await phone.claim(prepared);
    return (await latest()).code;
  },
  known: async ({ qr }) => Boolean(await phone.known(protocol.readOffer(qr))),
  poll: async ({ index = -1 }) => {
    const found = await phone.poll((await phone.ids()).at(index));
    question = found.question;
    return found;
  },
  approve: async ({ number, digits, index = -1 }) => phone.approve((await phone.ids()).at(index), question, number, digits),
  refuse: async ({ index = -1 }) => phone.refuse((await phone.ids()).at(index), question),
  remove: async ({ index = -1 }) => phone.remove((await phone.ids()).at(index)),
  ids: async () => (await phone.ids()).map(({ key, deviceSecret, ...shown }) => ({ ...shown, extractable: key.extractable, usages: key.usages, secret: deviceSecret.length, names: Object.keys({ ...shown, key, deviceSecret }).sort() })),
  sent: () => sent,
  facts: ({ fields }) => words.facts(fields),
  visible: ({ text }) => visible(text),
  // parts by themselves
  offer: async ({ text }) => {
    const { origin, phone, secret } = protocol.readOffer(text);
    return { origin, phone, secret: hex(secret) };
  },
  verifier: async ({ digits, secret }) => hex(await protocol.verifierOf(digits, octets(secret))),
  scrypt: async ({ password, salt, N, r, p, length }) => hex(await scrypt(octets(password), octets(salt), { N, r, p, length })),
  nodeScrypt: ({ password, salt, N, r, p, length }) => hex(scryptSync(octets(password), octets(salt), length, { N, r, p, maxmem: 2 ** 28 })),
  canonical: ({ fields }) => encoding.canonical(fields),
  flat: ({ text }) => encoding.parseFlat(text),
  base64: ({ text }) => hex(encoding.fromBase64url(text)),
  answer: ({ text, kind }) => protocol.readAnswer(text, kind),
  question: ({ kind, text, origin, phone }) => protocol.readQuestion(kind, text, { origin, phone }),
  signature: ({ raw }) => hex(der.ecdsaSignature(octets(raw))),
  request: async ({ name, publicKey, signature }) => hex(await der.certificationRequest(name, octets(publicKey), async () => octets(signature))),
  statement: ({ kind, fields }) => Buffer.from(protocol.statement(kind, fields)).toString(),
  codes: async ({ secret, said }) => {
    const key = await protocol.offerKey(octets(secret));
    return { mac: hex(await protocol.claimMAC(key, octets(said))), code: await protocol.shortCode(key, octets(said)) };
  },
  transcript: ({ parts }) => hex(protocol.transcript(...parts.map(octets))),
  vector: async ({ key, offer, verifier, device }) => {
    const pkcs8 = createPrivateKey({ key: Buffer.from(key.pkcs8, "hex"), format: "der", type: "pkcs8" });
    const how = { name: "ECDSA", namedCurve: "P-256" };
    const spki = createPublicKey(pkcs8).export({ format: "der", type: "spki" });
    const privateKey = await crypto.subtle.importKey("pkcs8", octets(key.pkcs8), how, false, ["sign"]);
    const publicKey = await crypto.subtle.importKey("spki", spki, how, true, ["verify"]);
    const made = await protocol.claim(protocol.readOffer(offer), { privateKey, publicKey }, octets(verifier), device);
    return { sent: Buffer.from(made.octets).toString(), code: made.code };
  },
};

function failure(error) {
  if (error instanceof protocol.Refused) return { refused: error.code, details: Object.fromEntries(error.details) };
  if (error instanceof NoAnswer) return { noAnswer: error.reason };
  if (error instanceof NotEntered) return { notEntered: error.what };
  if (error instanceof encoding.Malformed) return { malformed: error.reason };
  return { bug: String(error.stack) };
}

for await (const read of createInterface({ input: process.stdin })) {
  const { do: what, ...given } = JSON.parse(read);
  let answer;
  try {
    answer = { value: (await DOING[what](given)) ?? null };
  } catch (error) {
    answer = failure(error);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
