// The page's end of the agent's protocol (docs/agent.md): one connection with the program beside the reader.
//
// Nothing here knows a document; what the agent says is handed on as it came. Only its form is checked: who listens on the port
// may be anybody.

export const PROTOCOL = 1;

const REFUSED = 4403;
const TOO_OFTEN = 4429;
const WRONG = 4400;
const LONGEST = 65_536;
const SLOW = 3_000;

/** What went wrong, by the code under which a page has a part for it; `code` is the library's, or one of `agent.…`. */
export class AgentError extends Error {
  constructor(code, message = "", { retryable = false, details = {} } = {}) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }

  static of({ code = "error", message = "", retryable = false, details = {} } = {}) {
    return new AgentError(String(code), String(message), { retryable: retryable === true, details });
  }

  /** What went wrong, whatever it is: a fault of the page itself is told in the console, and has a part like any other error. */
  static from(error) {
    if (error instanceof AgentError) return error;
    console.error(error);
    return new AgentError("error", "", { retryable: true });
  }
}

/**
 * Reach the agent, and wait until it knows this page.
 *
 * There is no time limit: the browser may be asking whether this page may reach this computer, the agent whether it may be
 * used by this page.
 *
 * Rejects with AgentError: agent.absent, agent.refused, agent.too-often, agent.old, agent.new, agent.other.
 */
export function connect(url, { Socket = WebSocket, slow = () => {}, pairing = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const socket = opened(Socket, url);
    const timer = setTimeout(slow, SLOW);
    let hello = null;

    const settle = () => {
      clearTimeout(timer);
      socket.onmessage = socket.onclose = socket.onerror = null;
    };
    const fail = (code, details = {}) => {
      settle();
      reject(new AgentError(code, "", { retryable: true, details }));
    };
    const accept = () => {
      settle();
      resolve(new Agent(socket, hello.version));
    };
    const refuse = (code, details = {}) => {
      fail(code, details);
      socket.close(WRONG);
    };
    socket.onclose = ({ code }) => fail(closed(code, "agent.absent"));
    socket.onerror = () => socket.onclose({}); // where nobody listens, not all that have websockets say that one closed
    socket.onmessage = ({ data }) => {
      const message = parsed(data);
      if (message?.type === "hello" && hello === null && sound(message)) {
        clearTimeout(timer);
        hello = message;
        if (hello.protocol !== PROTOCOL) refuse(hello.protocol < PROTOCOL ? "agent.old" : "agent.new", { found: hello.version });
        else if (hello.paired) accept();
        else pairing(hello.code);
      } else if (message?.type === "paired" && hello !== null) {
        accept();
      } else {
        refuse("agent.other");
      }
    };
  });
}

/** A connection with an agent that knows this page; steps are done one after the other, or at several readers at once. */
export class Agent {
  #socket;
  #steps = new Map();
  #started = 0;
  #end = null;

  constructor(socket, version) {
    this.version = version;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(parsed(data));
    socket.onclose = ({ code }) => this.#ended(new AgentError(closed(code, "agent.lost"), "", { retryable: true }));
  }

  /** Whether steps can be started still. */
  get open() {
    return this.#end === null;
  }

  /**
   * Have a step done.
   *
   * `tell` is given each event of it, as it came. Gives `{done, answer, cancel}`: `done` is a promise of the step's result, and
   * rejects with AgentError.
   */
  start(step, fields = {}, tell = () => {}) {
    this.#started += 1;
    const id = String(this.#started);
    const done = new Promise((resolve, reject) => this.#steps.set(id, { tell, resolve, reject }));
    if (this.#end !== null) this.#finish(id, "reject", this.#end);
    else this.#send({ ...fields, type: "start", id, step });
    return {
      done,
      answer: (question, value) => this.#send({ type: "answer", id, question, value }),
      cancel: () => this.#send({ type: "cancel", id }),
    };
  }

  /** Let go of the agent; a step that goes on is cancelled by it. */
  close() {
    this.#socket.close();
  }

  #send(message) {
    if (this.#end === null) this.#socket.send(JSON.stringify(message));
  }

  #receive(message) {
    const step = this.#steps.get(message?.id);
    if (message === null) this.#socket.close(WRONG);
    else if (message.type === "event") step?.tell(message);
    else if (message.type === "done") this.#finish(message.id, "resolve", message.result ?? {});
    else if (message.type === "failed") this.#finish(message.id, "reject", AgentError.of(message.error));
  }

  #finish(id, how, value) {
    const step = this.#steps.get(id);
    this.#steps.delete(id);
    step?.[how](value);
  }

  #ended(error) {
    this.#end = error;
    for (const id of [...this.#steps.keys()]) this.#finish(id, "reject", error);
  }
}

/** Where the browser does not let this page reach the computer it is on, it says so at once. */
function opened(Socket, url) {
  try {
    return new Socket(url);
  } catch {
    throw new AgentError("agent.absent", "", { retryable: true });
  }
}

function closed(code, otherwise) {
  return { [REFUSED]: "agent.refused", [TOO_OFTEN]: "agent.too-often" }[code] ?? otherwise;
}

function sound(hello) {
  const named = hello.paired === true || (hello.paired === false && typeof hello.code === "string");
  return named && Number.isInteger(hello.protocol) && typeof hello.version === "string";
}

function parsed(data) {
  if (typeof data !== "string" || data.length > LONGEST) return null;
  try {
    const message = JSON.parse(data);
    return typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
