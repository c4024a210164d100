// The labelling page: questions that another answer brings, one submission at a time, the lease renewed while the page is used.

const RENEW_EVERY = 8 * 60 * 1000;
let used = Date.now();

function showBranches(form) {
  for (const question of form.querySelectorAll("[data-shown-after]")) {
    const parent = form.querySelector(`[name="q.${question.dataset.shownAfter}"]:checked`);
    const wanted = question.dataset.shownFor.split("|");
    question.hidden = !(parent && wanted.includes(parent.value));
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
  if (!answer || document.hidden || Date.now() - used > RENEW_EVERY) return;
  fetch(answer.dataset.renew, { method: "POST", body: new FormData(answer), credentials: "same-origin" }).catch(() => {});
}, RENEW_EVERY);
