// One's own card: tries left, PIN and PUK, and new keys for a card that expires. All of it is the agent's; the page starts it.

import { AgentError } from "./agent.js";
import { follow, reach } from "./journey.js";
import { View } from "./view.js";

/** Serve what the person chooses, again and again. */
export async function serveChoices(view) {
  for (;;) {
    const step = await view.chosen();
    let agent = null;
    try {
      agent = await reach(view);
      await view.done(await follow(agent, view, { step }), step);
      await view.seen();
    } catch (error) {
      await view.failed(AgentError.from(error));
    } finally {
      agent?.close();
    }
  }
}

const root = globalThis.document?.querySelector("[data-journey=own]");
if (root) serveChoices(new View(root));
