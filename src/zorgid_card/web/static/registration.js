// "Ik wil een organisatie valideren": the pass, the organisation, its administrator, the phone.

import { serve } from "./journey.js";
import { View } from "./view.js";

/** What the pass says was shown and confirmed before the birth date is asked; it is shown with it once more (ORG-4). */
export function asks() {
  let pass = [];
  let known = false;
  return {
    async "pass-data"(ask, facts) {
      pass = facts;
      return ask("pass-data", facts);
    },
    async "birth-date"(ask) {
      if (!known && ((await ask("validated")) === null || (await ask("administrator", pass)) === null)) return null;
      known = true; // a date that the agent does not take is asked again, and nothing else
      for (;;) {
        const date = await ask("birth-date");
        if (date === null || (await ask("confirm", [...pass, ["birth-date", date]])) !== null) return date;
      }
    },
  };
}

const root = globalThis.document?.querySelector("[data-journey=register]");
if (root) serve(new View(root), { step: "register", asks: asks() });
