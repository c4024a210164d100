// The keyboard of every page. An element declares data-key="s" and, where its own words do not say it in the list behind "?", data-key-label="Skip this item".
// Its key activates it: a field to type in takes the focus, anything else is clicked. Nothing here knows a page.

const TYPED = "textarea, select, [contenteditable]:not([contenteditable='false']), input:not([type='checkbox'], " +
  "[type='radio'], [type='button'], [type='submit'], [type='reset'], [type='range'], [type='file'], [type='image'])";
// A button that chooses (data-chooses) is like a radio button: Enter sends, and the space bar chooses.
const ANSWERS_ENTER = "a[href], button:not([data-chooses]), summary, [role='button']:not([data-chooses])";

const typing = (target) => target instanceof Element && target.closest(TYPED) !== null;

const usable = (element) =>
  !element.matches(":disabled, [aria-disabled='true']") && !element.closest("[inert]") && element.checkVisibility();

/** What keys can reach now: everything, or only what is in the dialog that is open. */
function reachable() {
  const open = document.querySelector("dialog:modal");
  return [...(open ?? document).querySelectorAll("[data-key]")].filter(usable);
}

/** Letters by what they are (so that Caps Lock does not matter), digits by key or by place (so that a French row works). */
function means(event, key) {
  if (/^[0-9]$/.test(key)) return event.key === key || event.code === `Digit${key}` || event.code === `Numpad${key}`;
  if (/^\p{L}$/u.test(key)) return !event.shiftKey && event.key.toLowerCase() === key.toLowerCase();
  return event.key === key;
}

/** Of several with one key, where a page asks more than one question: that of the question with the focus, else of the first one
 * that is not answered, else the first. */
function meant(candidates) {
  const questionOf = (element) => element.closest("[data-question]");
  const here = document.activeElement ? questionOf(document.activeElement) : null;
  return (
    candidates.find((candidate) => here && questionOf(candidate) === here) ??
    candidates.find((candidate) => !questionOf(candidate)?.querySelector("input:checked")) ??
    candidates[0]
  );
}

/** A letter as it stands on the keyboard. */
const nameOf = (key) => (key.length === 1 ? key.toUpperCase() : key);

/** What a key does, in the words of the page. */
function meaningOf(element) {
  if (element.dataset.keyLabel) return element.dataset.keyLabel;
  const words = (element.labels?.[0] ?? element).cloneNode(true);
  words.querySelectorAll("kbd, .hint, .visually-hidden").forEach((part) => part.remove());
  return element.getAttribute("aria-label") ?? words.textContent.trim();
}

function activate(element) {
  if (element.matches(TYPED)) {
    element.focus();
    return;
  }
  element.click();
  if (element.matches("summary") && element.parentElement.open) {
    element.parentElement.querySelector(":scope > form :is(select, textarea, input:not([type='hidden']), button)")?.focus();
  }
  if (element.matches("[type='radio'], [type='checkbox']")) element.focus({ preventScroll: true });
}

function showKeys() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  const list = dialog.querySelector("dl");
  list.querySelectorAll("[data-from-page]").forEach((row) => row.remove());
  const rows = reachable().flatMap((element) => {
    const term = document.createElement("dt");
    const key = document.createElement("kbd");
    const meaning = document.createElement("dd");
    key.textContent = nameOf(element.dataset.key);
    term.append(key);
    meaning.textContent = meaningOf(element);
    term.dataset.fromPage = meaning.dataset.fromPage = "";
    return [term, meaning];
  });
  list.prepend(...rows);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape" && !document.querySelector("dialog:modal")) event.target.blur();
    return;
  }
  // Held down, a key acts once: not for its element, and not for the button or form that would answer Enter by itself.
  if (event.repeat && event.key === "Enter") event.preventDefault();
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
    return;
  }
  if (event.key === "Enter" && event.target instanceof Element && event.target.closest(ANSWERS_ENTER)) return;
  const element = meant(reachable().filter((candidate) => means(event, candidate.dataset.key)));
  if (!element) return;
  event.preventDefault();
  if (!event.repeat) activate(element);
});
