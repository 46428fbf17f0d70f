// Comfort only: every page works without this file. It is loaded with defer, so the document is there.
"use strict";

const said = document.querySelector("#said");

/** Tells screen readers what just happened; what is seen changes by itself. */
function say(text) {
  if (said) said.textContent = text;
}

// ── Copying ────────────────────────────────────────────────────────────────────────────────────────────────────────
// data-copy names what is copied, in words; the text is that of [data-copy-text] in the nearest [data-copy-from].
async function copy(button) {
  const source = button.closest("[data-copy-from]")?.querySelector("[data-copy-text]");
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    say(`Copied ${button.dataset.copy}`);
    showCopied(button);
  } catch {
    // Without a secure context there is no clipboard: select the text, so that one key press copies it.
    source.hidden = false;
    getSelection().selectAllChildren(source);
    say("The text is selected: copy it with the keyboard");
  }
}

function showCopied(button) {
  if ("copied" in button.dataset) return;
  const icon = button.querySelector("use");
  const before = icon.getAttribute("href");
  icon.setAttribute("href", before.replace(/#.*/, "#i-check"));
  button.dataset.copied = "";
  setTimeout(() => {
    icon.setAttribute("href", before);
    delete button.dataset.copied;
  }, 2000);
}

// ── Theme ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// Shown at once; the form's own request stores it, as it does without this script.
function chooseTheme(button) {
  const theme = button.value;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const other of button.form.querySelectorAll('button[name="theme"]'))
    other.setAttribute("aria-pressed", String(other === button));
  const fields = new URLSearchParams(new FormData(button.form, button));
  fetch(button.form.action, { method: "POST", body: fields, redirect: "manual" });
}

// ── Secrets ────────────────────────────────────────────────────────────────────────────────────────────────────────
// The same as models.GenerateSecret: whsec_ and the base64 of 32 random bytes.
function generateSecret() {
  return "whsec_" + btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
}

const strengths = ["", "Weak", "Fair", "Good", "Strong"];

// The same as models.SecretStrength, which says where the bounds come from.
function secretStrength(secret) {
  const characters = [...secret.replace(/^whsec_/, "")];
  const bits = [...secret].length * Math.log2(new Set(characters).size + 1);
  return bits >= 96 ? 4 : bits >= 64 ? 3 : bits >= 40 ? 2 : 1;
}

function showStrength(input) {
  const meter = document.getElementById(input.dataset.strength);
  if (!meter) return;
  const level = input.value === "" ? 0 : secretStrength(input.value);
  meter.hidden = level === 0;
  meter.className = `strength strength-${level || 1}`;
  meter.querySelectorAll("rect").forEach((bar, i) => bar.classList.toggle("on", i < level));
  const count = [...input.value].length;
  meter.querySelector("b").textContent = strengths[level];
  meter.querySelector("[data-strength-count]").textContent = `${count} character${count === 1 ? "" : "s"}`;
}

for (const input of document.querySelectorAll("[data-strength]")) {
  input.addEventListener("input", () => showStrength(input));
}

// ── Times ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// Pages are in UTC. The title of a time gets the reader's own time as well.
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
function localTimes(part) {
  for (const time of part.querySelectorAll("time[datetime][title]")) time.title += `\n${local.format(new Date(time.dateTime))}`;
}
localTimes(document);

// ── Live ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// What shows what happens has a script of its own.
function load(address) {
  return new Promise((onload, onerror) => {
    document.head.append(Object.assign(document.createElement("script"), { src: address, onload, onerror }));
  });
}
const livePart = document.querySelector("[data-live]");
if (livePart) load(livePart.dataset.liveScript);

// ── Forms ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// A second click while the first is under way posts nothing. The button stays focusable and keeps its name and value,
// which a disabled one would lose; coming back with the browser's Back starts afresh.
const underWay = new Set();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (underWay.has(form)) {
    event.preventDefault();
    return;
  }
  underWay.add(form);
  event.submitter?.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => {
  for (const form of underWay)
    for (const button of form.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  underWay.clear();
});

// What was wrong with a form is read out and in view at once.
document.querySelector('[role="alert"][tabindex="-1"]')?.focus();

// ── Choosing in a table ────────────────────────────────────────────────────────────────────────────────────────────
// data-check-all names the form to which the boxes belong that it ticks; its [data-check-count] says how many are.
const boxesOf = (form) => [...form.elements].filter((box) => box.type === "checkbox");

function countChecked(form) {
  const count = form.querySelector("[data-check-count]");
  if (!count) return;
  const boxes = boxesOf(form);
  const checked = boxes.filter((box) => box.checked).length;
  const text = checked === 0 ? "None selected" : `${checked} selected on this page`;
  if (count.textContent !== text) count.textContent = text;
  const all = document.querySelector(`[data-check-all="${form.id}"]`);
  if (!all) return;
  all.checked = checked > 0 && checked === boxes.length;
  all.indeterminate = checked > 0 && checked < boxes.length;
}

document.addEventListener("change", (event) => {
  const named = event.target.dataset?.checkAll;
  const form = named ? document.getElementById(named) : event.target.form;
  if (!form) return;
  if (named) for (const box of boxesOf(form)) box.checked = event.target.checked;
  countChecked(form);
});
addEventListener("pageshow", () => {
  for (const count of document.querySelectorAll("[data-check-count]")) countChecked(count.closest("form"));
});

// ── What goes on by itself ─────────────────────────────────────────────────────────────────────────────────────────
// A part with data-refresh is read again after so many seconds, while the page is seen. Once the server marks it no more,
// all that it was about has ended: the whole content is replaced, and that is said.
async function refresh(part) {
  const seconds = Number(part.dataset.refresh);
  try {
    const answer = document.hidden ? null : await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer?.redirected || (answer && !answer.ok)) return; // signed out, or it is gone: the next load says so
    const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page?.querySelector("[data-refresh]");
    if (next) part.replaceChildren(...next.children);
    if (page && !next) {
      const focused = document.activeElement?.closest("main");
      document.querySelector("main").replaceWith(page.querySelector("main"));
      const title = document.querySelector("main h1");
      say(title.textContent);
      title.tabIndex = -1;
      if (focused) title.focus();
      return;
    }
  } catch {
    // The server may be restarting.
  }
  setTimeout(refresh, seconds * 1000, part);
}

for (const part of document.querySelectorAll("[data-refresh]")) {
  setTimeout(refresh, Number(part.dataset.refresh) * 1000, part);
}

// ── Clicks and keys ────────────────────────────────────────────────────────────────────────────────────────────────
document.addEventListener("click", (event) => {
  const theme = event.target.closest('button[name="theme"]');
  if (theme) {
    event.preventDefault();
    chooseTheme(theme);
  }
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied);
  const generate = event.target.closest("[data-generate]");
  if (generate) {
    event.preventDefault();
    const input = document.getElementById(generate.dataset.generate);
    input.value = generateSecret();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    say("Secret generated");
  }
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target) || theme) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
