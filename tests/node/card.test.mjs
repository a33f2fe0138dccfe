// static/card.js: the agent first, else the Web eID extension, which stands here as a window that answers as its documentation says.

import assert from "node:assert/strict";
import { test } from "node:test";

const { byExtension, cardToken } = await import(`${process.env.STATIC}/card.js`);
const { AgentError } = await import(`${process.env.STATIC}/agent.js`);

const NOBODY = "ws://127.0.0.1:1/agent/v1";
const coded = (code) => (error) => error instanceof AgentError && error.code === code;
const TOKEN = {
  unverifiedCertificate: "MII…",
  algorithm: "RS256",
  signature: "c2ln",
  format: "web-eid:1.0",
  appVersion: "https://web-eid.eu/web-eid-app/releases/v2.5.0",
};

/** A window in which an extension listens, or does not. */
class Place extends EventTarget {
  location = { origin: "https://portal.example" };
  said = [];

  constructor(answers = {}) {
    super();
    this.answers = answers;
  }

  postMessage(data, origin) {
    this.said.push([data, origin]);
    setTimeout(() => {
      this.hear(data);
      for (const answer of this.answers[data.action] ?? []) this.hear(answer);
    });
  }

  hear(data, source = this) {
    this.dispatchEvent(Object.assign(new Event("message"), { data, source }));
  }
}

const status = [{ action: "web-eid:status-ack" }, { action: "web-eid:status-success", nativeApp: "2.5.0" }];
const signing = [{ action: "web-eid:authenticate-ack" }, { action: "web-eid:authenticate-success", ...TOKEN, extra: 1 }];
const nonce = async () => "n".repeat(44);

test("AUT-1: the agent's token, where there is an agent", async () => {
  const place = new Place({});
  const events = [];
  const token = await cardToken(nonce, {
    agent: `${process.env.AGENT}/log-in`,
    lang: "nl",
    place,
    tell: ({ event, what, cue }) => events.push([event, what ?? cue]),
  });
  assert.deepEqual(token, TOKEN);
  assert.deepEqual(place.said, [], "the extension is not asked");
  assert.deepEqual(events, [["cue", "insert-card"], ["prompting", "consent"], ["prompting", "pin"]]);
});

test("AUT-1: the extension's token, where there is no agent", async () => {
  const place = new Place({ "web-eid:status": status, "web-eid:authenticate": signing });
  const token = await cardToken(nonce, { agent: NOBODY, lang: "nl", place });
  assert.deepEqual(token, TOKEN);
  assert.deepEqual(place.said, [
    [{ action: "web-eid:status", libraryVersion: "2.1.0" }, "https://portal.example"],
    [
      { action: "web-eid:authenticate", libraryVersion: "2.1.0", challengeNonce: "n".repeat(44), options: { lang: "nl" } },
      "https://portal.example",
    ],
  ]);
});

test("neither: no challenge is made in vain", async () => {
  let asked = 0;
  const place = new Place({});
  await assert.rejects(cardToken(async () => (asked += 1), { agent: NOBODY, place }), coded("agent.absent"));
  assert.equal(asked, 0);
});

test("an agent that says no is not gone round by the extension", async () => {
  const place = new Place({ "web-eid:status": status, "web-eid:authenticate": signing });
  await assert.rejects(cardToken(nonce, { agent: `${process.env.AGENT}/refused`, place }), coded("agent.refused"));
  assert.deepEqual(place.said, []);
});

for (const [said, code] of [
  ["ERR_WEBEID_USER_CANCELLED", "user.declined"],
  ["ERR_WEBEID_USER_TIMEOUT", "extension.timeout"],
  ["ERR_WEBEID_NATIVE_FATAL", "extension.failed"],
]) {
  test(`the extension's ${said} is ${code}`, async () => {
    const failure = { action: "web-eid:authenticate-failure", error: { code: said, message: "…" } };
    const place = new Place({ "web-eid:status": status, "web-eid:authenticate": [signing[0], failure] });
    await assert.rejects(byExtension(nonce, { place }), coded(code));
  });
}

test("an extension without its program is told before a challenge is made", async () => {
  const failure = { action: "web-eid:status-failure", error: { code: "ERR_WEBEID_NATIVE_UNAVAILABLE" } };
  const place = new Place({ "web-eid:status": [status[0], failure] });
  await assert.rejects(byExtension(() => assert.fail("asked"), { place }), coded("extension.native"));
});

test("who stops is not kept waiting: the agent is told, the extension not listened to", async () => {
  const stop = new AbortController();
  const token = cardToken(nonce, { agent: `${process.env.AGENT}/log-in-stopped`, tell: () => stop.abort(), signal: stop.signal });
  await assert.rejects(token, coded("user.cancelled"));
  const place = new Place({ "web-eid:status": status, "web-eid:authenticate": [signing[0]] });
  const again = new AbortController();
  const other = byExtension(nonce, { place, signal: again.signal });
  setTimeout(() => again.abort(), 20);
  await assert.rejects(other, coded("user.cancelled"));
});

test("what another window says is not the extension's", async () => {
  const place = new Place({ "web-eid:status": status });
  const token = byExtension(nonce, { place });
  await new Promise((resolve) => setTimeout(resolve, 20));
  place.hear({ action: "web-eid:authenticate-success", ...TOKEN, signature: "Zm9yZ2Vk" }, {});
  for (const answer of signing) place.hear(answer);
  assert.equal((await token).signature, TOKEN.signature);
});
