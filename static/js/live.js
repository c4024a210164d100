// What screen readers hear and where the focus goes when htmx changes a part of the page. Words come from the server:
// the event `announce` (header HX-Trigger: {"announce": "Saved."}, or {"announce": {"text": "Saved.", "show": true}} to be
// seen as well) and the data attributes of the live region.

const SHOWN_FOR = 7000;
const live = document.getElementById("live");
let hiding = 0;

function announce(text, show) {
  if (!live || !text) return;
  clearTimeout(hiding);
  live.textContent = "";
  live.classList.toggle("shown", show);
  // A region that is emptied and filled in one go is not read out when the same words come twice.
  requestAnimationFrame(() => {
    live.textContent = text;
  });
  if (show) hiding = setTimeout(() => live.classList.remove("shown"), SHOWN_FOR);
}

document.addEventListener("announce", ({ detail }) => announce(detail.text ?? detail.value, detail.show === true));

// The server leads somebody whose session ended to the log-in page: that page has no place inside another one.
const isLogIn = (xhr) => Boolean(xhr.responseURL) && new URL(xhr.responseURL).pathname === live?.dataset.logIn;

// What deals with a failure by itself, and says so, prevents the event's default: then nothing more is said here.

// A form with errors (422) takes its own place; a refusal names the place above the page (HX-Retarget), so that nothing
// somebody wrote is replaced by it.
document.addEventListener("htmx:beforeSwap", ({ detail, defaultPrevented }) => {
  if (defaultPrevented) return;
  if (isLogIn(detail.xhr)) {
    detail.shouldSwap = false;
    announce(live.dataset.signedOut, true);
  } else if (detail.xhr.status === 422 || detail.xhr.getResponseHeader("HX-Retarget")) {
    detail.shouldSwap = true;
    detail.isError = false;
  }
});

document.addEventListener("htmx:beforeRequest", () => document.getElementById("refusal")?.replaceChildren());

document.addEventListener("htmx:responseError", (event) => event.defaultPrevented || announce(live?.dataset.failed, true));

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => event.defaultPrevented || announce(live?.dataset.offline, true));
}

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (!(target instanceof Element)) return;
  const wanted = "[data-focus-after-swap]";
  const element = target.matches(wanted) ? target : target.querySelector(wanted);
  if (!element) return;
  if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
  element.focus();
});
