// The way to the portal: one message there, one answer back, over HTTPS to the page's own origin.

import { fromUtf8 } from "./encoding.js";
import { LIMIT, PATH } from "./protocol.js";

const JSON_TYPE = "application/json";
const SECONDS = 15;

/** Nothing came back that is a portal's answer; `reason` is `connection`, `status`, `type` or `length`. */
export class NoAnswer extends Error {
  constructor(reason) {
    super(`no answer: ${reason}`);
    this.reason = reason;
  }
}

export class Line {
  /**
   * @param origin of the portal
   * @param pauses milliseconds before each further try of what is sent again
   */
  constructor(origin, { send = (...given) => fetch(...given), pauses = [500, 1500] } = {}) {
    this.origin = origin;
    this.send = send;
    this.pauses = pauses;
  }

  /** One try: the answer as text; throws NoAnswer. */
  async ask(octets) {
    const response = await this.#sent(octets);
    if (response.status !== 200) throw new NoAnswer("status");
    const type = response.headers.get("content-type") ?? "";
    if (type.split(";")[0].trim().toLowerCase() !== JSON_TYPE) throw new NoAnswer("type");
    return fromUtf8(await limited(response.body));
  }

  /** The same octets up to three times: a repetition changes nothing. */
  async insist(octets) {
    for (const pause of this.pauses) {
      try {
        return await this.ask(octets);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        await new Promise((done) => setTimeout(done, pause));
      }
    }
    return this.ask(octets);
  }

  async #sent(body) {
    const headers = { "Content-Type": JSON_TYPE, Accept: JSON_TYPE };
    const alone = { credentials: "omit", redirect: "error", cache: "no-store", referrerPolicy: "no-referrer" };
    const signal = AbortSignal.timeout(SECONDS * 1000);
    try {
      return await this.send(`${this.origin}${PATH}`, { method: "POST", headers, body, signal, ...alone });
    } catch {
      throw new NoAnswer("connection");
    }
  }
}

/** The octets of a body that is not longer than an answer may be. */
async function limited(body) {
  const reader = body.getReader();
  const parts = [];
  let length = 0;
  for (let part = await next(reader); part; part = await next(reader)) {
    parts.push(part);
    length += part.length;
    if (length > LIMIT) {
      await reader.cancel();
      throw new NoAnswer("length");
    }
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function next(reader) {
  try {
    return (await reader.read()).value;
  } catch {
    throw new NoAnswer("connection");
  }
}
