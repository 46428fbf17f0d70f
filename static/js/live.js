// Pages that show what happens: a log gets new rows on top and its statuses change, one delivery and one run are loaded again.
// Nothing moves that somebody reads; without this file a page is as it was when it was loaded.
"use strict";

(() => {
  const page = livePart; // app.js found it and loads this
  const { live: topic, liveFeed: address } = page.dataset;
  const rows = () => page.querySelector(".log-columns > tbody"); // of a log
  const find = (name) => page.querySelector(`[data-live-${name}]`);
  const most = 50; // rows of a page, as the server has it
  const held = new Map(); // rows that wait to be shown, by id
  let paused = false, state = "", port = null, following = false, used = page.hasAttribute("data-live-used");

  // ── The connection ───────────────────────────────────────────────────────────────────────────────────────────────
  async function connect() {
    if (globalThis.SharedWorker) {
      const worker = new SharedWorker(address, { name: "stackhook" });
      worker.port.start();
      return worker.port;
    }
    await load(address);
    return openFeed();
  }

  /** Follows while the page is looked at. */
  function settle() {
    const wanted = document.visibilityState === "visible" && !paused;
    if (wanted === following) return;
    following = wanted;
    port.postMessage({ topic: wanted ? topic : null });
  }

  function hear({ data: message }) {
    if (!following) return;
    if (message.state) show(message.state);
    else if (message.data.version) changed(message.data.version);
    else take(message.data.rows ?? [], message.data.whole);
  }

  const words = {
    live: "Live", paused: "Paused", lost: "Not live: the connection was lost, and is tried again", full: "Not live: too many pages are open",
    "signed out": "Not live: you are signed out", gone: "Not live: load the page again",
  };

  function show(next) {
    const bar = page.querySelector(".live-bar");
    if (bar) {
      bar.toggleAttribute("data-still", next !== "live");
      find("state").textContent = words[next];
      find("pause").querySelector("svg").toggleAttribute("hidden", paused);
      find("pause").querySelector("span").textContent = paused ? "Resume" : "Pause";
      if (state && state !== next) say(words[next]);
    }
    state = next;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Reports whether somebody may be reading what would move. */
  function reading() {
    const body = rows() ?? page, selection = getSelection();
    if (body.contains(document.activeElement) || body.querySelector("input:checked")) return true;
    if (!selection.isCollapsed && selection.containsNode(body, true)) return true;
    if (body === page) return used || scrollY > 0;
    return body.closest("table").getBoundingClientRect().top < 0 || (matchMedia("(hover: hover)").matches && body.matches(":hover"));
  }

  // ── A log ────────────────────────────────────────────────────────────────────────────────────────────────────────
  function take(changes, whole) {
    const body = rows();
    if (!body) {
      if (changes.some((c) => c.listed)) first();
      return;
    }
    const news = { fresh: 0, failed: 0 };
    const last = body.rows.length < most ? "" : body.lastElementChild.dataset.delivery; // older ones are on the next page
    for (const { id, listed, html } of changes) {
      const shown = body.querySelector(`[data-delivery="${id}"]`);
      if (shown) news.failed += update(shown, parse(html));
      else if ((listed && id > last) || held.has(id)) {
        if (!held.has(id)) news.fresh++;
        held.set(id, html);
      }
    }
    if (whole) catchUp(new Set(changes.map((c) => c.id)));
    if (!reading()) place();
    count();
    announce(news);
  }

  /** Brings rows up to date that are older than the newest page, which is all that a stream begins with. */
  async function catchUp(known) {
    const row = [...rows().rows].find((r) => !known.has(r.dataset.delivery));
    if (!row) return;
    const from = new URL(location.href);
    from.searchParams.set("older", next(row.dataset.delivery)); // from this one on
    const fresh = await fetched(from.href); // an older page, which is not live
    for (const now of fresh?.querySelectorAll("[data-delivery]") ?? []) {
      const shown = rows().querySelector(`[data-delivery="${now.dataset.delivery}"]`);
      if (shown && !known.has(now.dataset.delivery)) update(shown, parse(now.outerHTML));
    }
  }

  /** The id that comes after one: ids are numbers in base 32. */
  function next(id) {
    const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", last = id.search(/[^Z]Z*$/);
    return id.slice(0, last) + digits[digits.indexOf(id[last]) + 1] + "0".repeat(id.length - last - 1);
  }

  function parse(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    localTimes(holder.content);
    return holder.content.firstElementChild;
  }

  /** Changes the cells that are not as they were. Returns 1 if the delivery has failed by that. */
  function update(shown, fresh) {
    const failed = (row) => row.querySelector(".status-failed") !== null;
    const became = failed(fresh) && !failed(shown) ? 1 : 0;
    const cells = [...fresh.cells];
    [...shown.cells].forEach((cell, i) => {
      if (cell.outerHTML !== cells[i]?.outerHTML && !cell.contains(document.activeElement) && !cell.querySelector("input")) cell.replaceWith(cells[i]);
    });
    return became;
  }

  /** Shows what waits, in order of the ids, and leaves out at the end what is too much for a page. */
  function place() {
    const body = rows();
    for (const [id, html] of held) {
      const after = [...body.rows].find((row) => row.dataset.delivery < id);
      body.insertBefore(parse(html), after ?? null);
    }
    held.clear();
    if (body.rows.length <= most) return;
    while (body.rows.length > most) body.lastElementChild.remove();
    if (page.querySelector(".pager")) turn();
    else loaded().then((fresh) => {
      const pager = fresh?.querySelector(".pager");
      if (!pager || page.querySelector(".pager")) return;
      page.append(pager);
      turn();
    });
  }

  /** Lets Older go on from the last row. */
  function turn() {
    const older = page.querySelector(".pager a:last-child");
    const to = new URL(older.href);
    to.searchParams.set("older", rows().lastElementChild.dataset.delivery);
    older.href = to.pathname + to.search;
  }

  const counted = (n, one) => `${n} ${one}${n === 1 ? "y" : "ies"}`;

  function count() {
    const n = held.size, all = n >= most ? "At least " : "";
    for (const id of [...held.keys()].sort().slice(0, Math.max(0, n - most))) held.delete(id); // they would be on the next page
    find("news").hidden = n === 0;
    find("count").textContent = all + counted(Math.min(n, most), "new deliver");
  }

  /** The first rows of a log: with them there is more to the page than a table. */
  async function first() {
    const fresh = await loaded();
    if (fresh?.querySelector("[data-delivery]") && !reading() && !document.activeElement.closest("form")) location.reload();
  }

  // ── One delivery, one run ────────────────────────────────────────────────────────────────────────────────────────
  async function fetched(address) {
    const answer = await fetch(address, { cache: "no-store", redirect: "error" }).catch(() => null);
    return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  }

  const loaded = async () => (await fetched(location.href))?.querySelector("[data-live]");

  function changed(version) {
    if (version === page.dataset.liveVersion) return;
    if (reading()) {
      if (find("news").hidden) say(find("news").querySelector("span").textContent);
      find("news").hidden = false;
    } else replace(false);
  }

  async function replace(wanted) {
    if (page.dataset.liveNext) return location.assign(page.dataset.liveNext); // it is another page now
    const fresh = await loaded();
    if (!fresh) return;
    if (!wanted && reading()) { // since a moment ago
      find("news").hidden = false;
      return;
    }
    localTimes(fresh);
    page.replaceChildren(...fresh.childNodes);
    page.dataset.liveVersion = fresh.dataset.liveVersion;
    used = false;
    say("The page shows the newest state");
  }

  // ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────
  const unsaid = { fresh: 0, failed: 0 };
  let speaking = 0, spoke = -Infinity;

  /** Says how much is new, not what, and not more than four times a minute. */
  function announce({ fresh, failed }) {
    unsaid.fresh += fresh;
    unsaid.failed += failed;
    if (speaking || unsaid.fresh + unsaid.failed === 0) return;
    speaking = setTimeout(() => {
      const parts = [];
      if (unsaid.fresh) parts.push(counted(unsaid.fresh, "new deliver"));
      if (unsaid.failed) parts.push(`${unsaid.failed} failed`);
      unsaid.fresh = unsaid.failed = speaking = 0;
      spoke = performance.now();
      say(parts.join(", "));
    }, Math.max(1000, spoke + 15_000 - performance.now()));
  }

  /** Lets times go on, as the server words them up to twelve hours. */
  function age() {
    for (const time of rows()?.querySelectorAll("time") ?? []) {
      if (!/^just now$| (min|h) ago$/.test(time.textContent)) continue;
      const minutes = Math.floor((Date.now() - new Date(time.dateTime)) / 60_000);
      if (minutes >= 1 && minutes < 12 * 60) time.textContent = minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
    }
  }

  // ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────────
  page.addEventListener("click", ({ target }) => {
    if (target.closest("[data-live-pause]")) {
      paused = !paused;
      show(paused ? "paused" : state === "paused" ? "live" : state);
      settle();
    } else if (!target.closest("[data-live-show]")) used = true;
    else if (rows()) {
      place();
      count();
      const table = rows().closest("table");
      table.tabIndex = -1;
      table.focus({ preventScroll: true });
      if (page.getBoundingClientRect().top < 0) page.scrollIntoView();
    } else replace(true);
  });

  connect().then((to) => {
    port = to;
    port.onmessage = hear;
    document.addEventListener("visibilitychange", settle);
    addEventListener("pageshow", settle);
    addEventListener("pagehide", () => {
      following = false;
      port.postMessage({ topic: null });
    });
    setInterval(() => {
      if (following) port.postMessage({ topic, again: true });
      age();
    }, 20_000);
    settle();
  });
})();
