// What the pages with steps have in common: reach the agent, show what is needed, have one step done, and when it fails say what
// to do and begin again. What is on the page is the view's (view.js); what is said is in the page itself.

import { AgentError, connect } from "./agent.js";

const POLL = 2_000;

/**
 * Serve a page from its first step to its last.
 *
 * `work` gives `{step, fields, asks}`; `view` is a View, or what a test has in its place. Gives the step's result.
 */
export async function serve(view, work) {
  for (;;) {
    let agent = null;
    try {
      agent = await reach(view);
      const chosen = await prepare(agent, view);
      const result = await follow(agent, view, { ...work, fields: { ...work.fields?.(), ...chosen } });
      await view.done(result);
      return result;
    } catch (error) {
      await view.failed(AgentError.from(error));
    } finally {
      agent?.close();
    }
  }
}

/** The agent, as soon as it knows this page. Rejects with AgentError. */
export function reach(view) {
  view.reaching();
  return connect(view.agent, { Socket: view.Socket, slow: () => view.slow(), pairing: (code) => view.pairing(code) });
}

/** Show what is needed, and whether it is there, until the person begins (ORG-2); gives what they chose. */
async function prepare(agent, view) {
  let over = false;
  const begun = view.begin().then((chosen) => {
    over = true;
    return chosen;
  });
  while (!over && agent.open) {
    const found = await agent.start("readers", { lang: view.lang }).done.catch((error) => ({ readers: [], error }));
    if (!over && agent.open) await view.needs({ version: agent.version, ...found });
    await Promise.race([begun, new Promise((resolve) => setTimeout(resolve, view.poll ?? POLL))]);
  }
  if (!agent.open) throw new AgentError("agent.lost", "", { retryable: true });
  return begun;
}

/**
 * Have one step done: what the agent says is shown, what it asks is asked.
 *
 * `asks` has what is more than one question to the person, by the question's code: `(ask, facts) => value`, null for no.
 * Rejects with AgentError.
 */
export async function follow(agent, view, { step, fields = {}, asks = {} }) {
  const over = new AbortController();
  const ask = (code, facts = []) => view.ask(code, facts, over.signal);
  const tell = {
    cue: ({ cue }) => view.cue(cue),
    prompting: ({ what }) => view.prompt(what),
    progress({ step: name, share, seconds_left: left }) {
      view.guard(true);
      view.progress(name, share, left);
    },
    async question({ question, code, facts }) {
      const value = await (asks[code]?.(ask, facts) ?? ask(code, facts));
      if (over.signal.aborted) return;
      view.wait();
      run.answer(question, value);
    },
    phone({ qr_svg: svg, expires_at: until }) {
      view.guard(true);
      view.phone(svg, until);
    },
    scanned: () => view.scanned(),
    refused: ({ error }) => view.refused(AgentError.of(error)),
    "other-card": ({ kind }) => view.otherCard(kind),
  };
  const run = agent.start(step, { ...fields, lang: view.lang }, (event) => tell[event.event]?.(event));
  view.began(() => run.cancel());
  try {
    return await run.done;
  } finally {
    over.abort();
    view.guard(false);
    view.ended();
  }
}
