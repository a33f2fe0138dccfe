// Log-in with the card in the reader: by the agent, or where there is none by the Web eID browser extension.
//
// Either gives the same token (Web eID, format web-eid:1.0); the portal need not know which. The extension is spoken to by the
// window messages that its documentation names: an action, its `-ack` within a second, then `-success` or `-failure`.

import { AgentError, connect } from "./agent.js";

const HANDSHAKE = 1_000;
const NATIVE = 5_000;
const INTERACTION = 120_000;
const LIBRARY = "2.1.0"; // the version of web-eid.js whose messages these are
const ABSENT = new Set(["agent.absent", "agent.other"]);
const TOKEN = ["unverifiedCertificate", "algorithm", "signature", "format", "appVersion"];
const SAID = {
  ERR_WEBEID_USER_CANCELLED: "user.declined",
  ERR_WEBEID_USER_TIMEOUT: "extension.timeout",
  ERR_WEBEID_ACTION_TIMEOUT: "extension.timeout",
  ERR_WEBEID_NATIVE_UNAVAILABLE: "extension.native",
  ERR_WEBEID_VERSION_MISMATCH: "extension.old",
};

/**
 * A token for a challenge of the portal.
 *
 * `nonce` gives the challenge; it is called when there is somebody to answer it, for it does not live long. `tell` is given
 * the agent's events; `signal` ends it. Rejects with AgentError; agent.absent: there is neither agent nor extension.
 */
export async function cardToken(nonce, options = {}) {
  const { agent: url, lang, tell = () => {}, signal, pairing, slow, Socket, place = globalThis } = options;
  let agent;
  try {
    agent = await connect(url, { Socket, pairing, slow });
  } catch (error) {
    if (!ABSENT.has(error.code)) throw error;
    return byExtension(nonce, { lang, tell, signal, place });
  }
  try {
    const step = agent.start("log-in", { nonce: await nonce(), lang }, tell);
    signal?.addEventListener("abort", () => step.cancel(), { once: true });
    return (await step.done).token;
  } finally {
    agent.close();
  }
}

/** The same by the extension alone; that it is there, and its program, is known before a challenge is made. */
export async function byExtension(nonce, { lang, tell = () => {}, signal, place = globalThis } = {}) {
  await said(place, "web-eid:status", {}, NATIVE, signal);
  tell({ event: "prompting", what: "extension" });
  const fields = { challengeNonce: await nonce(), options: { lang } };
  const answer = await said(place, "web-eid:authenticate", fields, NATIVE + INTERACTION, signal);
  return Object.fromEntries(TOKEN.filter((name) => typeof answer[name] === "string").map((name) => [name, answer[name]]));
}

/** One action; the messages have none to end it, so what comes after the signal is not listened to any more. */
function said(place, action, fields, patience, signal) {
  return new Promise((resolve, reject) => {
    const settle = (how, value) => {
      clearTimeout(timer);
      place.removeEventListener("message", hear);
      how(value);
    };
    const limit = (code, time) => setTimeout(() => settle(reject, new AgentError(code, "", { retryable: true })), time);
    const hear = ({ source, data }) => {
      if (source !== place) return;
      if (data?.action === `${action}-ack`) {
        clearTimeout(timer);
        timer = limit("extension.timeout", patience);
      } else if (data?.action === `${action}-success`) settle(resolve, data);
      else if (data?.action === `${action}-failure`) settle(reject, failure(data.error));
    };
    let timer = limit("agent.absent", HANDSHAKE);
    signal?.addEventListener("abort", () => settle(reject, new AgentError("user.cancelled")), { once: true });
    place.addEventListener("message", hear);
    place.postMessage({ action, libraryVersion: LIBRARY, ...fields }, place.location.origin);
  });
}

function failure(error) {
  const code = String(error?.code ?? "");
  return new AgentError(SAID[code] ?? "extension.failed", "", { retryable: true, details: { reason: code } });
}
