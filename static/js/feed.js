// The connection over which open pages hear what happens. A shared worker runs this file, so that all tabs of a browser have
// one connection: over HTTP/1.1 a browser has six to a server. Where there are no shared workers each page runs it itself.
"use strict";

(() => {
  const followers = new Map(); // what each page follows: port → { topic, at }
  let open = null; // what ends the connection
  let soon = 0;

  /** Connects anew for what is followed now. Whoever has just come is sent the whole state that way. */
  function settle() {
    clearTimeout(soon);
    soon = setTimeout(() => {
      open?.abort();
      open = null;
      const topics = [...new Set([...followers.values()].map((f) => f.topic))].sort();
      if (topics.length > 0) run(topics, (open = new AbortController()).signal);
    }, 50); // a page that is left and the one that comes after it are one change
  }

  function tell(message, topic) {
    for (const [port, f] of followers) if (topic === undefined || f.topic === topic) port.postMessage(message);
  }

  const pause = (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });

  async function run(topics, signal) {
    const query = topics.map((t) => `topic=${encodeURIComponent(t)}`).join("&");
    for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 30_000)) {
      let status = 0;
      try {
        const answer = await fetch(`/live?${query}`, { signal, cache: "no-store", redirect: "error" });
        status = answer.status;
        if (answer.ok) {
          wait = 500;
          tell({ state: "live" });
          await read(answer.body);
        } else await answer.body?.cancel();
      } catch {
        // The server is not there, or it ended.
      }
      if (signal.aborted) return;
      if (status >= 400 && status < 500 && status !== 429) {
        tell({ state: status === 401 ? "signed out" : "gone" });
        return; // until a page is opened that follows something
      }
      tell({ state: status === 429 ? "full" : "lost" });
      await pause(wait * (1 + Math.random() / 2), signal); // not all at the same time
    }
  }

  /** Reads server-sent events: lines of fields, and an empty line after each event. */
  async function read(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) take(event);
    }
  }

  function take(text) {
    const fields = Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
    if (!fields.data) return; // a sign of life
    const data = JSON.parse(fields.data);
    tell(fields.event === "gone" ? { state: "gone" } : { data }, data.topic);
  }

  /** Takes a page in, which says what it follows, null for nothing, and from time to time that it is still there. */
  function welcome(port) {
    port.onmessage = ({ data }) => {
      const before = followers.get(port);
      if (data.topic === null) followers.delete(port);
      else followers.set(port, { topic: data.topic, at: Date.now() });
      if (data.topic === null ? before : !data.again || !before) settle();
    };
  }

  setInterval(() => {
    for (const [port, f] of followers)
      if (Date.now() - f.at > 90_000) {
        followers.delete(port); // its page is gone without a word
        settle();
      }
  }, 30_000);

  if ("onconnect" in globalThis) globalThis.onconnect = ({ ports: [port] }) => welcome(port);
  else globalThis.openFeed = () => {
    const { port1, port2 } = new MessageChannel();
    welcome(port1);
    return port2;
  };
})();
