// What a phone and the portal say to each other, version 1: docs/mobile-protocol.md.

import { certificationRequest, ecdsaSignature } from "./der.js";
import { canonical, concat, fromBase64url, Malformed, parseFlat, toBase64url, utf8 } from "./encoding.js";
import { scrypt } from "./scrypt.js";

export const PATH = "/phone/v1";
export const LIMIT = 65536;

const VERSION = "1";
const QR_PATH = "/phone";
const P256 = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const HMAC = { name: "HMAC", hash: "SHA-256" };
const STRETCHING = { N: 16384, r: 8, p: 1, length: 32 };

/** The portal refuses: `code` and `details` as docs/mobile-protocol.md has them. */
export class Refused extends Error {
  constructor(code, details) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

// --- the QR code ----------------------------------------------------------------------------------------------------

/**
 * Origin, phone and secret of a QR code's text. Its fingerprint has to be there, and is of no use to a page: no browser
 * tells a page which key its server showed (docs/phone-page.md).
 */
export function readOffer(text) {
  const [address, fragment = "", ...rest] = text.split("#");
  const [version, fingerprint, phone, secret, ...more] = fragment.split(".");
  if (!address.endsWith(QR_PATH) || secret === undefined || more.length || rest.length) throw new Malformed("qr");
  if (version !== VERSION) throw new Malformed("version");
  fromBase64url(fingerprint, 32);
  fromBase64url(phone, 16);
  return { origin: originOf(address.slice(0, -QR_PATH.length)), phone, secret: fromBase64url(secret, 16) };
}

function originOf(text) {
  try {
    const url = new URL(text);
    if (url.protocol === "https:" && url.origin === text) return text;
  } catch {
    // no address at all
  }
  throw new Malformed("qr");
}

// --- keys and codes -------------------------------------------------------------------------------------------------

/** A key that signs and is not given out, not even to this page. */
export const newKey = () => crypto.subtle.generateKey(P256, false, ["sign"]);

/** What proves the digits to the portal, and is made anew each time. */
export const verifierOf = (digits, deviceSecret) => scrypt(utf8(digits), deviceSecret, STRETCHING);

/** ECDSA-Sig-Value over these octets. */
export async function sign(privateKey, octets) {
  return ecdsaSignature(new Uint8Array(await crypto.subtle.sign(SIGNING, privateKey, octets)));
}

/** The offer's key K, for HMAC; the secret is of no more use after it, and wiped. */
export async function offerKey(secret) {
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8("zorgid-card phone offer v1") };
  const known = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  secret.fill(0);
  const octets = await crypto.subtle.deriveBits(how, known, 256);
  return crypto.subtle.importKey("raw", octets, HMAC, false, ["sign"]);
}

/** What MAC and code are made over: each part with its length in two octets before it. */
export function transcript(...parts) {
  return concat(...parts.flatMap((part) => [[part.length >> 8, part.length & 0xff], part]));
}

async function mac(key, domain, said) {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, concat(utf8(domain), said)));
}

export const claimMAC = (key, said) => mac(key, "zorgid-card phone claim v1", said);

/** The six digits that phone and page both show. */
export async function shortCode(key, said) {
  const octets = await mac(key, "zorgid-card phone code v1", said);
  const number = new DataView(octets.buffer).getBigUint64(0);
  return String(number % 1000000n).padStart(6, "0");
}

// --- what the phone sends -------------------------------------------------------------------------------------------

/** The octets of a claim, and the code that is shown once the portal has taken it. */
export async function claim({ phone, secret }, { privateKey, publicKey }, verifier, device) {
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  const csr = await certificationRequest(phone, spki, (info) => sign(privateKey, info));
  const key = await offerKey(secret);
  const said = transcript(utf8(phone), csr, verifier, utf8(device));
  const octets = message("phone-claim", { phone, csr, verifier, device, mac: await claimMAC(key, said) });
  return { octets, code: await shortCode(key, said) };
}

export async function poll(privateKey, origin, phone, now) {
  const at = `${now.toISOString().slice(0, 19)}+00:00`;
  const signature = await sign(privateKey, statement("phone-poll", { origin, phone, at }));
  return message("phone-poll", { phone, at, signature });
}

export async function approve(privateKey, verifier, { kind, fields }, number) {
  const { phone, nonce } = fields;
  const signature = await sign(privateKey, statement(kind, { ...fields, number }));
  return message("phone-approve", { phone, nonce, number, verifier, signature });
}

export async function refuse(privateKey, origin, phone, nonce) {
  const signature = await sign(privateKey, statement("phone-refusal", { origin, phone, nonce }));
  return message("phone-refuse", { phone, nonce, signature });
}

/** What is signed. */
export const statement = (kind, fields) => utf8(`zorgid-card statement v1\n${kind}\n${canonical(fields)}\n`);

function message(kind, fields) {
  const plain = Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? value : toBase64url(value)]);
  return utf8(canonical({ kind, ...Object.fromEntries(plain) }));
}

// --- what the portal answers ----------------------------------------------------------------------------------------

const text = (least, most) => (value) => typeof value === "string" && [...value].length >= least && [...value].length <= most;
const texts = (value) => Array.isArray(value) && value.every(text(0, LIMIT));
const orNull = (check) => (value) => value === null || check(value);
const time = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const digests = (value) => texts(value) && [1, 2].includes(value.length) && value.every((one) => fromBase64url(one, 32));
const STATES = ["linking", "linked", "blocked", "revoked", "expired"];

const ANSWERS = {
  "phone-claimed": { expires_at: time },
  "phone-state": {
    state: (value) => STATES.includes(value),
    tries_left: (value) => Number.isSafeInteger(value),
    fingerprints: digests,
    statement: orNull(text(1, 40)),
    fields: orNull(text(2, 8192)),
  },
  "phone-done": {},
  refusal: { code: text(0, LIMIT), message: text(0, LIMIT), names: texts, values: texts },
};

/** The fields of an answer of this kind; throws Refused for a refusal, Malformed for anything else. */
export function readAnswer(json, kind) {
  const { kind: found, ...fields } = parseFlat(json);
  if (found !== kind && found !== "refusal") throw new Malformed("kind");
  const known = ANSWERS[found];
  if (Object.keys(fields).sort().join() !== Object.keys(known).sort().join()) throw new Malformed("field");
  for (const name of Object.keys(known)) if (!known[name](fields[name])) throw new Malformed(name);
  if (found === "refusal") throw refusal(fields);
  return fields;
}

function refusal({ code, names, values }) {
  if (names.length !== values.length) return new Malformed("values");
  try {
    return new Refused(code, new Map(names.map((name, at) => [name, JSON.parse(values[at])])));
  } catch {
    return new Malformed("values");
  }
}

// --- what the phone is asked ----------------------------------------------------------------------------------------

/** The changes that this version knows; what it does not know it does not sign. */
export const ACTIONS = [
  ...["card.block", "card.unblock", "card.revoke"],
  ...["person.appoint", "person.unlink", "person.approve-uzi-number"],
  ...["phone.block", "phone.unblock", "phone.revoke"],
];

const BOTH = ["expires", "nonce", "origin", "phone", "ura"];
const REQUIRED = {
  "phone-log-in": [...BOTH, "person"],
  "phone-approval": [...BOTH, "action", "person", "reason", "subject"],
};

/**
 * What waits for this phone: `kind` and `fields`, and why it is not to be signed, if it is not: `problem` is `statement`,
 * `origin`, `phone`, `fields` or `action`.
 */
export function readQuestion(kind, json, { origin, phone }) {
  const fields = parseFlat(json);
  canonical(fields); // all of it is text that can be signed
  return { kind, fields, problem: problemOf(kind, fields, origin, phone) };
}

function problemOf(kind, fields, origin, phone) {
  if (!Object.hasOwn(REQUIRED, kind)) return "statement";
  if (fields.origin !== origin) return "origin";
  if (fields.phone !== phone) return "phone";
  if (Object.hasOwn(fields, "number") || REQUIRED[kind].some((name) => !Object.hasOwn(fields, name))) return "fields";
  if (!text(1, 64)(fields.nonce)) return "fields";
  if (kind === "phone-approval" && !ACTIONS.includes(fields.action)) return "action";
  return null;
}
