// The labelling page: questions that another answer brings, one submission at a time, the lease renewed while the page is used.

const RENEW_EVERY = 8 * 60 * 1000;
let used = Date.now();

/** What a question is answered with on the page: what is chosen, or, of an answer of several parts (kept as JSON), their labels. */
function answered(form, key) {
  const fields = [...form.querySelectorAll(`[name="q.${CSS.escape(key)}"]`)];
  const texts = fields.filter((field) => !field.matches("[type='radio'], [type='checkbox']") || field.checked).map((field) => field.value);
  return texts.flatMap((text) => (text.startsWith("[") ? labelsOf(text) : [text]));
}

function labelsOf(text) {
  try {
    return JSON.parse(text).map((part) => String(part?.label ?? part));
  } catch {
    return [text];
  }
}

function showBranches(form) {
  for (const question of form.querySelectorAll("[data-shown-after]")) {
    const parent = form.querySelector(`[data-question="${CSS.escape(question.dataset.shownAfter)}"]`);
    const wanted = JSON.parse(question.dataset.shownFor);
    question.dataset.decided = "";
    question.hidden = parent?.hidden || !answered(form, question.dataset.shownAfter).some((value) => wanted.includes(value));
  }
}

const form = () => document.getElementById("answer");

document.addEventListener("change", ({ target }) => {
  used = Date.now();
  const answer = form();
  if (answer && target instanceof Element && answer.contains(target)) showBranches(answer);
});

document.addEventListener("htmx:afterSettle", () => {
  const answer = form();
  if (answer) showBranches(answer);
});

if (form()) showBranches(form());

setInterval(() => {
  const answer = form();
  if (!answer?.dataset.renew || document.hidden || Date.now() - used > RENEW_EVERY) return;
  fetch(answer.dataset.renew, { method: "POST", body: new FormData(answer), credentials: "same-origin" }).catch(() => {});
}, RENEW_EVERY);

// A clause is found by typing: what has none of the words goes. Without this script the field is not shown.
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function findIn(field) {
  const words = folded(field.value).split(/\s+/).filter(Boolean);
  const all = [...document.querySelectorAll(field.dataset.finds)];
  const found = all.filter((part) => words.every((word) => folded(part.textContent).includes(word)));
  all.forEach((part) => (part.hidden = !found.includes(part)));
  const none = document.getElementById(field.dataset.none);
  none.textContent = found.length ? "" : none.dataset.words;
}

function showFinders() {
  document.querySelectorAll(".find[hidden]").forEach((part) => (part.hidden = false));
}

document.addEventListener("input", ({ target }) => {
  if (target instanceof HTMLInputElement && target.dataset.finds) findIn(target);
});
document.addEventListener("htmx:afterSettle", showFinders);
showFinders();
