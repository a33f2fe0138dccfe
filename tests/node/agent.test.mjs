// static/agent.js and static/journey.js against a scripted agent over a real websocket; what each script says stands in
// tests/unit/test_web_journeys.py.

import assert from "node:assert/strict";
import { test } from "node:test";

const STATIC = process.env.STATIC;
const { AgentError, connect } = await import(`${STATIC}/agent.js`);
const { follow, reach, serve } = await import(`${STATIC}/journey.js`);
const { asks } = await import(`${STATIC}/registration.js`);

const at = (name) => `${process.env.AGENT}/${name}`;
const coded = (code) => (error) => error instanceof AgentError && error.code === code;

/** What a page shows, as a list; answers come from a map of queues. */
class Recorder {
  lang = "nl";
  poll = 5;
  told = [];

  constructor(name, answers = {}) {
    this.agent = at(name);
    this.answers = answers;
    for (const said of ["reaching", "slow", "pairing", "cue", "prompt", "wait", "refused", "otherCard", "phone", "scanned", "guard"]) {
      this[said] = (...values) => this.told.push([said, ...values.map((value) => value?.code ?? value)]);
    }
  }

  progress(step, share) {
    this.told.push(["progress", step, share]);
  }

  began(cancel) {
    this.cancel = cancel;
  }

  ended() {
    this.cancel = null;
  }

  async ask(code, facts) {
    this.told.push(["ask", code, facts]);
    return this.answers[code].shift();
  }

  async begin() {
    this.told.push(["begin"]);
    await new Promise((resolve) => (this.seen = resolve));
    return { reader: "Desk 1" };
  }

  async needs({ version, readers }) {
    this.told.push(["needs", version, readers]);
    this.seen();
  }

  async done(result) {
    this.told.push(["done", result]);
  }

  async failed(error) {
    this.told.push(["failed", error.code]);
    this.agent = at("again");
  }

  said(kind) {
    return this.told.filter(([name]) => name === kind).map(([, ...values]) => values);
  }
}

test("a page that is known begins at once", async () => {
  const agent = await connect(at("known"));
  assert.equal(agent.version, "0.1.0");
  agent.close();
});

test("a page that is not known shows the code, and begins when the person has agreed", async () => {
  const codes = [];
  const agent = await connect(at("pairing"), { pairing: (code) => codes.push(code) });
  assert.deepEqual(codes, ["4821"]);
  agent.close();
});

for (const [name, code] of [
  ["refused", "agent.refused"],
  ["too-often", "agent.too-often"],
  ["old", "agent.old"],
  ["new", "agent.new"],
  ["other-program", "agent.other"],
  ["no-json", "agent.other"],
  ["too-long", "agent.other"],
  ["paired-first", "agent.other"],
  ["silent-end", "agent.absent"],
]) {
  test(`${name}: ${code}`, async () => {
    await assert.rejects(connect(at(name)), coded(code));
  });
}

test("nobody listens: agent.absent", async () => {
  await assert.rejects(connect("ws://127.0.0.1:1/agent/v1"), coded("agent.absent"));
});

test("a browser that forbids it: agent.absent", async () => {
  const Socket = class {
    constructor() {
      throw new Error("SecurityError");
    }
  };
  await assert.rejects(connect(at("known"), { Socket }), coded("agent.absent"));
});

test("a fault of the page itself is told like any other error, and in the console", (context) => {
  const told = context.mock.method(console, "error", () => {});
  const fault = new TypeError("undefined is no function");
  assert.equal(AgentError.from(fault).code, "error");
  assert.deepEqual(told.mock.calls[0].arguments, [fault]);
});

test("an agent whose version is too old says which it is", async () => {
  await assert.rejects(connect(at("old")), (error) => error.details.found === "0.0.1");
});

test("what a step ends with is its result, or its error", async () => {
  const agent = await connect(at("two-steps"));
  assert.deepEqual(await agent.start("readers", { lang: "nl" }).done, { readers: [] });
  const failed = agent.start("pin-status", { lang: "nl" }).done;
  await assert.rejects(failed, (error) => coded("reader.none")(error) && error.message === "Er is geen paslezer." && error.retryable);
  agent.close();
});

test("an agent that goes away ends its steps, and begins none", async () => {
  const agent = await connect(at("goes-away"));
  await assert.rejects(agent.start("create", { lang: "nl" }).done, coded("agent.lost"));
  assert.equal(agent.open, false);
  await assert.rejects(agent.start("create", { lang: "nl" }).done, coded("agent.lost"));
});

test("ORG-3 to ORG-6: an organisation is registered, in the manual's order", async () => {
  const view = new Recorder("register", {
    "pass-data": [true],
    "organisation-data": [true],
    validated: [true],
    administrator: [true],
    "birth-date": ["1980-12-30", "1980-12-31", "1980-12-31"],
    confirm: [null, true, true],
    "compare-code": ["123456"],
  });
  const agent = await reach(view);
  const result = await follow(agent, view, { step: "register", asks: asks() });
  assert.equal(result.user_name, "jan.de.vries");
  assert.deepEqual(
    view.said("ask").map(([code]) => code),
    [
      ...["pass-data", "organisation-data", "validated", "administrator", "birth-date", "confirm", "birth-date", "confirm"],
      ...["birth-date", "confirm", "compare-code"],
    ],
  );
  const pass = [["name", "Jan de Vries"], ["ura", "90000382"]];
  assert.deepEqual(view.said("ask")[3][1], pass, "the data of the pass are shown again before the birth date is asked");
  assert.deepEqual(view.said("ask")[7][1], [...pass, ["birth-date", "1980-12-31"]]);
  assert.deepEqual(view.said("phone"), [["<svg/>", "2026-11-25T12:02:00+00:00"]]);
  assert.equal(view.said("scanned").length, 1);
  assert.deepEqual(view.said("guard"), [[true], [false]], "nobody leaves the page by mistake while the code is shown");
  agent.close();
});

test("CRD-4 to CRD-9: a card is made; it is torn, and put in again", async () => {
  const view = new Recorder("create", { "birth-date": ["1980-12-31"], "insert-again": [true] });
  const result = await serve(view, { step: "create", fields: () => ({ replaces: { cause: "lost" } }) });
  assert.equal(result.serial, "0001");
  const told = view.told.filter(([kind]) => !["needs", "reaching", "wait"].includes(kind));
  assert.deepEqual(told, [
    ["begin"],
    ["cue", "insert-pass"],
    ["otherCard", "blank"],
    ["prompt", "consent"],
    ["prompt", "pin"],
    ["refused", "user.wrong_pin"],
    ["prompt", "pin"],
    ["ask", "birth-date", []],
    ["cue", "remove-pass"],
    ["cue", "insert-blank"],
    ["prompt", "new-pin"],
    ["guard", true],
    ["progress", "generate", 0.25],
    ["refused", "reader.card_removed"],
    ["ask", "insert-again", []],
    ["cue", "insert-again"],
    ["guard", true],
    ["progress", "puk", 0.9],
    ["prompt", "puk"],
    ["guard", false],
    ["done", { serial: "0001", user_name: "jan", ura: "90000382" }],
  ]);
  assert.deepEqual(view.said("needs")[0], ["0.1.0", [{ name: "Desk 1", card: false }]]);
});

test("no is answered with null, and the step fails with what the agent says", async () => {
  const view = new Recorder("declined", { "pass-data": [null] });
  const agent = await reach(view);
  await assert.rejects(follow(agent, view, { step: "register", asks: asks() }), coded("user.declined"));
  agent.close();
});

test("a question that was overtaken by the step's end is not answered", async () => {
  const view = new Recorder("overtaken");
  let answer;
  view.ask = () => new Promise((resolve) => (answer = resolve));
  const agent = await reach(view);
  await assert.rejects(follow(agent, view, { step: "create" }), coded("portal.session"));
  answer("1980-12-31");
  await new Promise((resolve) => setTimeout(resolve, 20));
  agent.close();
});

test("what a newer agent says besides is passed over", async () => {
  const view = new Recorder("newer", {});
  const agent = await reach(view);
  assert.deepEqual(await follow(agent, view, { step: "pin-status" }), { kind: "zorgid" });
  agent.close();
});

test("stopping is told to the agent, and its word is what counts", async () => {
  const view = new Recorder("stopped", {});
  const agent = await reach(view);
  const done = follow(agent, view, { step: "create" });
  view.cancel();
  await assert.rejects(done, coded("user.cancelled"));
  assert.equal(view.cancel, null);
  agent.close();
});

test("after a failure it is begun again, with a new connection", async () => {
  const view = new Recorder("goes-away-early");
  const result = await serve(view, { step: "create" });
  assert.equal(result.serial, "0002");
  assert.deepEqual(view.said("failed"), [["agent.lost"]]);
});
