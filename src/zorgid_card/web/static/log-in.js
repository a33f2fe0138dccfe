// The page on which one logs in with a card: a challenge of the portal's, the card's answer, a session.

import { AgentError } from "./agent.js";
import { cardToken } from "./card.js";
import { View } from "./view.js";

/** Serve the one button; `go` leaves for the page that was wanted. */
export async function serveLogIn(view, go) {
  for (;;) {
    await view.chosen();
    const stop = new AbortController();
    let begun = false;
    const tell = (event) => {
      if (!begun) view.began(() => stop.abort());
      begun = true;
      shown(view, event);
    };
    try {
      view.reaching();
      const token = await cardToken(challenge, {
        agent: view.agent,
        lang: view.lang,
        slow: () => view.slow(),
        pairing: (code) => view.pairing(code),
        tell,
        signal: stop.signal,
      });
      view.wait();
      await answered("/auth/login", { "auth-token": token, ...view.chosenOrganisation() });
      go();
      return;
    } catch (error) {
      view.ended();
      await view.failed(AgentError.from(error));
    }
  }
}

function shown(view, event) {
  if (event.event === "cue") view.cue(event.cue);
  else if (event.event === "prompting") view.prompt(event.what);
  else if (event.event === "refused") view.refused(AgentError.of(event.error));
  else if (event.event === "other-card") view.otherCard(event.kind);
}

async function challenge() {
  return (await answered("/auth/challenge")).nonce;
}

/** What the portal answers; its word for an error is said as it is. */
async function answered(path, given) {
  const csrf = document.querySelector("meta[name=csrf]").content;
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const sent = given === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(given) };
  const answer = await fetch(path, sent).catch(() => null);
  const told = await answer?.json().catch(() => null);
  if (answer?.ok && told) return told;
  throw AgentError.of(told ?? { code: "portal.unreachable", retryable: true });
}

const root = globalThis.document?.querySelector("[data-journey=log-in]");
if (root) {
  const view = new View(root);
  serveLogIn(view, () => location.assign(root.dataset.next));
}
