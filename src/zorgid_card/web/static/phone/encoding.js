// Octets and text: UTF-8, base64url (RFC 4648, 5), strict JSON, and the canonical JSON that is signed.

/** What was read is not what it ought to be; `reason` says what, in a word. */
export class Malformed extends Error {
  constructor(reason) {
    super(`malformed: ${reason}`);
    this.reason = reason;
  }
}

const BASE64URL = /^[A-Za-z0-9_-]*$/;
const NAME = /^[\x20-\x7e]+$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const FRACTION = /\d[.eE]/;
const STRINGS = /"(?:[^"\\]|\\.)*"\s*(:?)/gs;

export const utf8 = (text) => new TextEncoder().encode(text);

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function toBase64url(octets) {
  const text = btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The octets; throws Malformed where the text is not their one encoding, or they are not as many as `length`. */
export function fromBase64url(text, length) {
  if (!BASE64URL.test(text) || text.length % 4 === 1) throw new Malformed("base64url");
  const octets = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  if (toBase64url(octets) !== text) throw new Malformed("base64url");
  if (length !== undefined && octets.length !== length) throw new Malformed("length");
  return octets;
}

/** A JSON object from text, flat: no object stands in it, and no name twice (JSON.parse would keep the last one). */
export function parseFlat(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Malformed("json");
  }
  if (!isObject(value)) throw new Malformed("object");
  const parts = Object.values(value).flat();
  if (parts.some((part) => typeof part === "object" && part !== null)) throw new Malformed("nested");
  if (LONE_SURROGATE.test([...Object.keys(value), ...parts].join())) throw new Malformed("unicode");
  const names = [...text.matchAll(STRINGS)].filter((found) => found[1]).length;
  if (names !== Object.keys(value).length) throw new Malformed("twice");
  if (FRACTION.test(text.replace(STRINGS, ""))) throw new Malformed("number");
  return value;
}

/** UTF-8 to text; throws Malformed where it is not. */
export function fromUtf8(octets) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    throw new Malformed("utf-8");
  }
}

/** The one encoding of an object of texts: names sorted, no white space. Names are ASCII, so that all sort them alike. */
export function canonical(fields) {
  const names = Object.keys(fields).sort();
  if (names.some((name) => !NAME.test(name))) throw new Malformed("name");
  if (names.some((name) => typeof fields[name] !== "string")) throw new Malformed("text");
  if (names.some((name) => LONE_SURROGATE.test(fields[name]))) throw new Malformed("unicode");
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(fields[name])}`).join()}}`;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
