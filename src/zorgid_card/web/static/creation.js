// "Ik wil een ZORG-ID Smartcard aanmaken": the pass, the birth date, another card in its place, PIN, keys, PUK.

import { serve } from "./journey.js";
import { View } from "./view.js";

/** The card that the new one replaces, if the person says so. */
export function replaced(form) {
  const cause = form.elements.cause.value;
  const serial = form.elements.serial.value.trim();
  return cause === "" ? {} : { replaces: serial === "" ? { cause } : { cause, serial } };
}

const root = globalThis.document?.querySelector("[data-journey=create]");
if (root) {
  const form = root.querySelector("form[data-begin]");
  serve(new View(root), { step: "create", fields: () => replaced(form) });
}
