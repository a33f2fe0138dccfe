// One native host for one command: it greets, is asked, answers and ends. A page may take a command back ("web-eid:give-up").
const COMMANDS = {
  "web-eid:status": () => ({ command: "quit", arguments: {} }),
  "web-eid:authenticate": ({ challengeNonce, lang }) => ({ command: "authenticate", arguments: { challengeNonce, lang } }),
  "web-eid:get-signing-certificate": ({ lang }) => ({ command: "get-signing-certificate", arguments: { lang } }),
  "web-eid:sign": ({ certificate, hash, hashFunction, lang }) =>
    ({ command: "sign", arguments: { certificate, hash, hashFunction, lang } }),
};
let open = null;

// A worker with nothing to do is stopped after 30 seconds; on a busy machine a message that comes just then waits for minutes.
setInterval(() => chrome.runtime.getPlatformInfo(), 20000);

function ask(message, origin) {
  return new Promise((resolve) => {
    const port = (open = chrome.runtime.connectNative("eu.webeid"));
    const said = [];
    port.onMessage.addListener((answer) => {
      said.push(answer);
      if (said.length > 1) return;
      if (message.command !== "quit") message.arguments.origin = origin;
      port.postMessage(message);
    });
    port.onDisconnect.addListener(() => resolve({ said, error: chrome.runtime.lastError?.message ?? null }));
  });
}

chrome.runtime.onMessage.addListener((data, sender, respond) => {
  if (data.action === "web-eid:give-up") {
    open?.disconnect();
    respond({ action: "web-eid:given-up" });
  } else if (data.action in COMMANDS) {
    const message = COMMANDS[data.action](data);
    ask(message, new URL(sender.url).origin).then(({ said, error }) => {
      const [greeting, answer] = said;
      const failed = answer === undefined || "error" in answer;
      respond({
        action: `${data.action}-${failed ? "failure" : "success"}`,
        nativeApp: greeting?.version ?? null,
        ...(answer ?? { error: { code: "ERR_WEBEID_NATIVE_UNAVAILABLE", message: error } }),
      });
    });
  }
  return true;
});
