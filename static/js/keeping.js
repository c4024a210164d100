// Nothing that is being written on the labelling page is lost. What the server does not have yet is kept in this browser and brought
// there as soon as it can be: as a draft while it is written, as the answer once it was submitted. Words are the page's.

const PREFIX = `kept:${document.body.dataset.user}:`;
const MOST_CHARACTERS = 300_000; // of one copy; a longer one is the server's alone
const KEPT_FOR = 14 * 24 * 3600 * 1000;
const SAVE_AFTER = { change: 400, input: 1200 }; // ms: a choice is whole, typing goes on
const AGAIN = [1000, 2000, 5000, 10_000, 30_000]; // ms between attempts, the last one for good
const PATIENCE = 20_000;
const GIVE_UP_AFTER = 3; // attempts, where the server answers, but is broken
const AWAY = [502, 503, 504];

const form = () => document.querySelector("#answer[data-keep]");
const notice = document.getElementById("keeping");
const live = document.getElementById("live");

function show(state) {
  for (const line of notice.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== state;
}

// --- The form as pairs of name and text

const pairsOf = (answer) => [...new FormData(answer)].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
const written = (pairs) => JSON.stringify(pairs.filter(([name]) => name !== "draft_revision" && name !== "token"));

// --- Copies in this browser: one for each answer and window

const windowName = (() => {
  try {
    sessionStorage.keeping ??= Math.random().toString(36).slice(2);
    return sessionStorage.keeping;
  } catch {
    return "only";
  }
})();

const nameOf = (answer) => `${PREFIX}${answer.dataset.restore}:${windowName}`;

let unsaved = null; // the form with something in it that the server does not have

function put(answer) {
  unsaved = answer;
  const copy = JSON.stringify({ restore: answer.dataset.restore, page: location.pathname, at: Date.now(), pairs: pairsOf(answer) });
  try {
    if (copy.length <= MOST_CHARACTERS) localStorage.setItem(nameOf(answer), copy);
    else localStorage.removeItem(nameOf(answer));
  } catch {
    // The store is full or forbidden: the draft on the server is what there is.
  }
}

function drop(name) {
  if (unsaved && name === nameOf(unsaved)) unsaved = null;
  try {
    localStorage.removeItem(name);
  } catch {
    // as above
  }
}

const dropAll = (restore) => copies().forEach((copy) => copy.restore === restore && drop(copy.name));

/** What is kept of this page's queue, this window's own first, then the newest. What is too old goes. */
function copies() {
  const found = [];
  try {
    for (const name of Object.keys(localStorage).filter((one) => one.startsWith(PREFIX))) {
      const copy = read(localStorage.getItem(name));
      if (!copy || Date.now() - copy.at > KEPT_FOR) localStorage.removeItem(name);
      else if (copy.page === location.pathname) found.push({ ...copy, name, own: name.endsWith(`:${windowName}`) });
    }
  } catch {
    return [];
  }
  return found.sort((a, b) => b.own - a.own || b.at - a.at);
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// --- To the server

const isLogIn = (url) => Boolean(url) && new URL(url, location.href).pathname === live.dataset.logIn;

/** Posts pairs; the reply, or nothing where the server did not take them for now: then the page says why. */
async function post(url, pairs, firstTime = true) {
  let reply;
  try {
    const token = document.querySelector("[name='csrfmiddlewaretoken']").value;
    const headers = { "HX-Request": "true", "X-CSRFToken": token };
    reply = await fetch(url, { method: "POST", body: new URLSearchParams(pairs), headers, signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    return unkept("unkept");
  }
  if (isLogIn(reply.url)) return unkept("out");
  if (reply.headers.get("X-Refused") === "token") return firstTime && (await freshToken()) ? post(url, pairs, false) : null;
  if (reply.status >= 500) return unkept("unkept");
  reachable();
  return reply;
}

function unkept(state) {
  show(waiting && state === "unkept" ? "unreached" : state);
  if (state !== "out") later();
  return null;
}

/** After a log-in in another window: the token of this page's forms is not good any more. True once it is again. */
async function freshToken() {
  let reply;
  try {
    reply = await fetch(notice.dataset.tokenFrom, { signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    return Boolean(unkept("unkept"));
  }
  if (isLogIn(reply.url)) return Boolean(unkept("out"));
  if (reply.status === 404) return somebodyElse(); // who is not in this queue
  if (!reply.ok) return Boolean(unkept("unkept"));
  const { token, user } = await reply.json();
  if (user !== document.body.dataset.user) return somebodyElse();
  document.querySelectorAll("[name='csrfmiddlewaretoken']").forEach((field) => (field.value = token));
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  return true;
}

function somebodyElse() {
  waiting = null;
  show("other");
  return false;
}

// --- Drafts

let touched = false; // whether anything was written on this page yet
let saving = null;
let due = 0;

function changed({ target, type }) {
  const answer = form();
  if (!answer || !(target instanceof Element) || (target.form !== answer && !answer.contains(target))) return;
  touched = true;
  put(answer);
  if (waiting && waiting.written !== written(pairsOf(answer))) {
    waiting = null;
    show("unkept");
  }
  clearTimeout(due);
  due = setTimeout(save, SAVE_AFTER[type]);
}

document.addEventListener("change", changed);
document.addEventListener("input", changed);
document.addEventListener("visibilitychange", () => document.hidden && unsaved && save());

async function save() {
  const answer = form();
  if (!answer || sending) return;
  clearTimeout(due);
  if (saving) await saving;
  saving = saveNow(answer);
  await saving;
  saving = null;
}

async function saveNow(answer) {
  const sent = pairsOf(answer);
  const reply = await post(answer.dataset.keep, sent);
  if (!reply?.ok || !answer.isConnected || sending) return;
  const html = await reply.text();
  if (!answer.isConnected || sending) return;
  window.htmx.swap(answer, html, { swapStyle: "none" });
  const stale = document.getElementById("draft-revision").hasAttribute("data-stale");
  if (stale) unsaved = null; // both are shown: the copy here, of before, stays as it is until she changes something
  else if (written(pairsOf(answer)) === written(sent)) drop(nameOf(answer));
}

// --- What was submitted

let sending = false;
let waiting = null; // what was submitted and did not arrive: {button, written, attempts}

const isAnswer = ({ detail }) => detail.requestConfig?.elt?.dataset.restore !== undefined;

/** What the server did not take: kept here and sent again, until it is changed. The key in the form makes it one answer. */
function again(event, state, broken = false) {
  event.preventDefault();
  const attempts = (waiting?.attempts ?? 0) + 1;
  if (broken && attempts > GIVE_UP_AFTER) {
    waiting = null;
    show(null);
    live.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: { text: live.dataset.failed, show: true } }));
    return;
  }
  const button = event.detail.requestConfig.triggeringEvent?.submitter;
  waiting = { button, written: written(pairsOf(form())), attempts };
  put(form());
  show(state);
  if (state === "unreached") later();
}

let next = 0;
let tries = 0;

function later() {
  clearTimeout(next);
  next = setTimeout(goOn, AGAIN[Math.min(tries++, AGAIN.length - 1)]);
}

function goOn() {
  clearTimeout(next);
  if (waiting && !sending) form()?.requestSubmit(waiting.button?.isConnected ? waiting.button : null);
  else if (unsaved?.isConnected) save();
  else if (left) restore();
}

/** The server answers again. */
function reachable() {
  clearTimeout(next);
  tries = 0;
  const told = [...notice.querySelectorAll("[data-when]")].some((line) => !line.hidden && line.dataset.when !== "sent");
  if (told && !waiting) show("sent");
}

window.addEventListener("online", goOn);
window.addEventListener("focus", () => (waiting || !notice.querySelector("[data-when='out']").hidden) && goOn());

// In the capture phase, so that the page's other scripts find these failures dealt with.
document.addEventListener(
  "htmx:beforeRequest",
  (event) => {
    if (!isAnswer(event)) return;
    sending = true;
    put(form());
    clearTimeout(due);
  },
  true,
);

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => isAnswer(event) && again(event, "unreached"), true);
}

document.addEventListener(
  "htmx:responseError",
  (event) => {
    if (!isAnswer(event)) return;
    const { xhr } = event.detail;
    if (xhr.getResponseHeader("X-Refused") === "token") {
      again(event, null);
      freshToken().then((good) => good && goOn());
    } else if (xhr.status >= 500) again(event, "unreached", !AWAY.includes(xhr.status));
  },
  true,
);

document.addEventListener(
  "htmx:beforeSwap",
  (event) => {
    if (!isAnswer(event)) return;
    if (isLogIn(event.detail.xhr.responseURL)) again(event, "out");
    else if (event.detail.xhr.status < 300) taken(event.detail.requestConfig.elt);
  },
  true,
);

function taken(answer) {
  waiting = unsaved = null;
  touched = false;
  dropAll(answer.dataset.restore);
  reachable();
}

document.addEventListener(
  "htmx:afterRequest",
  (event) => {
    if (!isAnswer(event)) return;
    sending = false;
    const answer = form();
    if (waiting || !answer || !copies().some(({ name }) => name === nameOf(answer))) return;
    unsaved = answer; // sent back with what is wrong with it
    due = setTimeout(save, SAVE_AFTER.change);
  },
  true,
);

// --- What an earlier page of this browser could not bring to the server

document.addEventListener("click", ({ target }) => {
  if (form() && target instanceof Element && target.closest("[data-forget]")) dropAll(form().dataset.restore);
});

let left = false; // a copy that could not be brought yet

async function restore() {
  const work = document.getElementById("work");
  work.setAttribute("aria-busy", "true");
  left = false;
  await bringAll();
  work.removeAttribute("aria-busy");
}

async function bringAll() {
  let elsewhere = false;
  const seen = new Set();
  for (const copy of copies()) {
    if (seen.has(copy.restore)) continue; // of another window: its turn comes when that one, or this page, is opened anew
    seen.add(copy.restore);
    const answer = form();
    const here = answer?.dataset.restore === copy.restore;
    if (here && written(copy.pairs) === written(pairsOf(answer))) drop(copy.name);
    else elsewhere = (await bring(copy, here ? answer : null)) || elsewhere;
  }
  if (elsewhere && !touched) await window.htmx.ajax("GET", location.pathname, { target: "#work", swap: "innerHTML" });
}

/** One copy to the server; true where it belongs to a task that is not on the page, which may have a word to say about it. */
async function bring(copy, answer) {
  const token = answer?.querySelector("[name='token']").value;
  const reply = await post(copy.restore, copy.pairs.map(([name, value]) => [name, name === "token" && token ? token : value]));
  if (!reply) {
    left = true;
    return false;
  }
  const became = reply.headers.get("X-Kept");
  if (became === "answered") dropAll(copy.restore);
  if (became === "saved") drop(copy.name);
  if (reply.status !== 200 || !answer) return became === "saved" || became === "stale";
  const html = await reply.text();
  if (!touched && answer.isConnected) window.htmx.swap("#work", html, { swapStyle: "innerHTML" });
  return false;
}

restore();
