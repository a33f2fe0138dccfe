// What a person enters, as it is given to the agent.

import assert from "node:assert/strict";
import { test } from "node:test";

const { birthDate } = await import(`${process.env.STATIC}/view.js`);
const { replaced } = await import(`${process.env.STATIC}/creation.js`);

const form = (values) => ({ elements: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])) });
const date = (day, month, year) => birthDate(form({ day, month, year }));

test("CRD-4: a birth date that exists is ISO 8601", () => {
  assert.equal(date("31", "12", "1980"), "1980-12-31");
  assert.equal(date(" 1 ", "2", "1904"), "1904-02-01");
  assert.equal(date("29", "2", "2000"), "2000-02-29");
});

for (const parts of [
  ["", "", ""],
  ["31", "2", "1980"],
  ["29", "2", "1900"],
  ["0", "1", "1980"],
  ["1", "13", "1980"],
  ["1", "1", "80"],
  ["1", "1", "1899"],
  ["1", "1", "2999"],
  ["1", "1", "19800"],
  ["-1", "1", "1980"],
  ["1e0", "1", "1980"],
  ["١", "1", "1980"],
]) {
  test(`no birth date: ${parts.join("-")}`, () => assert.equal(date(...parts), undefined));
}

test("the card that is replaced is named only where the person names it", () => {
  assert.deepEqual(replaced(form({ cause: "", serial: "123" })), {});
  assert.deepEqual(replaced(form({ cause: "lost", serial: " " })), { replaces: { cause: "lost" } });
  assert.deepEqual(replaced(form({ cause: "broken", serial: " 0001 " })), { replaces: { cause: "broken", serial: "0001" } });
});
