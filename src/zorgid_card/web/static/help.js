// Whether the agent can be reached, which version it is, and which readers it sees.

import { AgentError } from "./agent.js";
import { reach } from "./journey.js";
import { View } from "./view.js";

/** Serve the one button of this page, again and again. */
export async function serveCheck(view) {
  for (;;) {
    const step = await view.chosen();
    let agent = null;
    try {
      agent = await reach(view);
      const { readers } = await agent.start(step, { lang: view.lang }).done;
      await view.done({ version: agent.version, names: readers.map((reader) => reader.name).join(", ") });
      await view.seen();
    } catch (error) {
      await view.failed(AgentError.from(error));
    } finally {
      agent?.close();
    }
  }
}

const root = globalThis.document?.querySelector("[data-journey=help]");
if (root) serveCheck(new View(root));
