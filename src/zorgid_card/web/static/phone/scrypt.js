// scrypt (RFC 7914) on the browser's HMAC: WebCrypto has no scrypt of its own.

const SLICE = 512; // steps between two breaths, in which the page can draw and listen

/**
 * Derives `length` octets from `password`; N is a power of two, and 128·N·r octets of memory are used, and wiped.
 * p is how often all of it is done, one after the other.
 */
export async function scrypt(password, salt, { N, r, p, length }) {
  if (N < 2 || (N & (N - 1)) !== 0) throw new RangeError("N is no power of two");
  const block = 128 * r;
  const mixed = await pbkdf2(password, salt, p * block);
  const memory = new Uint32Array((N * block) / 4);
  for (let part = 0; part < p; part++) await mix(new DataView(mixed.buffer, part * block, block), memory, N, r);
  const derived = await pbkdf2(password, mixed, length);
  memory.fill(0);
  mixed.fill(0);
  return derived;
}

/**
 * PBKDF2-HMAC-SHA-256 with one iteration, as clause 6 uses it: block i is the HMAC of salt and i. WebCrypto's own PBKDF2 would do,
 * but Firefox's derives no more than 256 octets.
 */
async function pbkdf2(password, salt, length) {
  const secret = password.length ? password : new Uint8Array(1); // HMAC fills keys up with zeros; WebCrypto takes no empty one
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, number) => {
    const numbered = new Uint8Array(salt.length + 4);
    numbered.set(salt);
    new DataView(numbered.buffer).setUint32(salt.length, number + 1);
    return crypto.subtle.sign("HMAC", key, numbered);
  });
  const derived = new Uint8Array(32 * blocks.length);
  (await Promise.all(blocks)).forEach((block, number) => derived.set(new Uint8Array(block), 32 * number));
  return derived.subarray(0, length);
}

/** scryptROMix (clause 5), in place. */
async function mix(view, memory, N, r) {
  const words = 32 * r;
  const x = new Uint32Array(words);
  const room = [new Uint32Array(words), new Uint32Array(16), new Uint32Array(16)];
  for (let i = 0; i < words; i++) x[i] = view.getUint32(4 * i, true);
  for (let i = 0; i < N; i++) {
    memory.set(x, i * words);
    blockMix(x, ...room);
    if (i % SLICE === 0) await breath();
  }
  for (let i = 0; i < N; i++) {
    const from = (x[words - 16] & (N - 1)) * words; // Integerify: the first word of the last 64 octets
    for (let k = 0; k < words; k++) x[k] ^= memory[from + k];
    blockMix(x, ...room);
    if (i % SLICE === 0) await breath();
  }
  for (let i = 0; i < words; i++) view.setUint32(4 * i, x[i], true);
  for (const used of [x, ...room]) used.fill(0);
}

const breath = () => new Promise((done) => setTimeout(done));

/** scryptBlockMix (clause 4), in place; the other three are its room to work in. */
function blockMix(x, y, last, work) {
  const blocks = x.length / 16;
  for (let k = 0; k < 16; k++) last[k] = x[x.length - 16 + k];
  for (let i = 0; i < blocks; i++) {
    for (let k = 0; k < 16; k++) last[k] ^= x[16 * i + k];
    salsa20by8(last, work);
    y.set(last, 16 * ((i >> 1) + (i & 1) * (blocks / 2))); // the even ones first, then the odd ones
  }
  x.set(y);
}

const ORDER = Uint8Array.of(
  ...[0, 4, 8, 12], ...[5, 9, 13, 1], ...[10, 14, 2, 6], ...[15, 3, 7, 11], // columns
  ...[0, 1, 2, 3], ...[5, 6, 7, 4], ...[10, 11, 8, 9], ...[15, 12, 13, 14], // rows
);

/** The Salsa20/8 core (clause 3), in place. */
function salsa20by8(b, x) {
  x.set(b);
  for (let round = 0; round < 8; round += 2) {
    for (let at = 0; at < 32; at += 4) {
      const i = ORDER[at], j = ORDER[at + 1], k = ORDER[at + 2], l = ORDER[at + 3];
      x[j] ^= rotated(x[i] + x[l], 7);
      x[k] ^= rotated(x[j] + x[i], 9);
      x[l] ^= rotated(x[k] + x[j], 13);
      x[i] ^= rotated(x[l] + x[k], 18);
    }
  }
  for (let i = 0; i < 16; i++) b[i] += x[i];
}

const rotated = (word, by) => (word << by) | (word >>> (32 - by));
