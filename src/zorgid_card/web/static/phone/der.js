// DER (X.690), as much of it as a certification request and an ECDSA signature need.

import { concat, utf8 } from "./encoding.js";

const INTEGER = 0x02, BIT_STRING = 0x03, OID = 0x06, UTF8_STRING = 0x0c, SEQUENCE = 0x30, SET = 0x31;
const ATTRIBUTES = 0xa0; // [0], of CertificationRequestInfo

const COMMON_NAME = [0x55, 0x04, 0x03]; // 2.5.4.3
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]; // 1.2.840.10045.4.3.2

/** One element; its length in the short form, or in one or two octets (8.1.3). */
function element(tag, ...contents) {
  const content = concat(...contents);
  const length = content.length;
  if (length < 0x80) return concat([tag, length], content);
  if (length < 0x100) return concat([tag, 0x81, length], content);
  if (length < 0x10000) return concat([tag, 0x82, length >> 8, length & 0xff], content);
  throw new RangeError("too long");
}

const algorithm = () => element(SEQUENCE, element(OID, ECDSA_WITH_SHA256));

/**
 * CertificationRequest (PKCS #10, RFC 2986) with a common name alone and no attributes.
 *
 * @param name the common name, as UTF8String
 * @param publicKey SubjectPublicKeyInfo, DER
 * @param sign takes octets, and promises ECDSA-Sig-Value by the key of `publicKey`, with SHA-256
 */
export async function certificationRequest(name, publicKey, sign) {
  const type = element(SEQUENCE, element(OID, COMMON_NAME), element(UTF8_STRING, utf8(name)));
  const subject = element(SEQUENCE, element(SET, type));
  const info = element(SEQUENCE, element(INTEGER, [0]), subject, publicKey, element(ATTRIBUTES));
  return element(SEQUENCE, info, algorithm(), element(BIT_STRING, [0], await sign(info)));
}

/** ECDSA-Sig-Value (RFC 3279, 2.2.3) of what WebCrypto gives: r and s, each of half the octets. */
export function ecdsaSignature(raw) {
  const half = raw.length / 2;
  return element(SEQUENCE, unsigned(raw.subarray(0, half)), unsigned(raw.subarray(half)));
}

/** INTEGER of the fewest octets (8.3): a zero goes before what would be negative. */
function unsigned(octets) {
  let first = 0;
  while (first < octets.length - 1 && octets[first] === 0) first++;
  const least = octets.subarray(first);
  return least[0] & 0x80 ? element(INTEGER, [0], least) : element(INTEGER, least);
}
