// Many options: typing leaves those that fit, Enter takes the first of them, the arrow down goes to it. The options are plain
// radio buttons and check boxes; this only hides and chooses them.

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const optionsOf = (find) => [...find.closest("[data-question]").querySelectorAll(".opts.many > .opt")];
const nameOf = (option) => option.querySelector("span:not(.box)").textContent.trim();
const fill = (text, parts) => text.replace(/\{(\w+)\}/g, (whole, name) => parts[name] ?? whole);

function narrow(find) {
  const wanted = folded(find.querySelector("input").value.trim()).split(/\s+/).filter(Boolean);
  const options = optionsOf(find);
  for (const option of options) {
    const name = folded(nameOf(option));
    option.hidden = !wanted.every((word) => name.includes(word));
  }
  const left = options.filter((option) => !option.hidden);
  if (wanted.length) say(find, fill(find.dataset.found, { n: left.length, m: options.length }));
  else tell(find);
  return left;
}

function say(find, text) {
  find.querySelector("[data-said]").textContent = text;
}

function tell(find) {
  const names = optionsOf(find).filter((option) => option.querySelector("input").checked).map(nameOf);
  say(find, names.length ? fill(find.dataset.chosen, { names: names.join(", ") }) : find.dataset.nothing);
}

function prepare() {
  for (const find of document.querySelectorAll("[data-find]:not([data-ready])")) {
    find.dataset.ready = "";
    tell(find);
  }
}

document.addEventListener("input", ({ target }) => {
  const find = target instanceof Element ? target.closest("[data-find]") : null;
  if (find) narrow(find);
});

document.addEventListener("change", (event) => {
  const question = event.target instanceof Element ? event.target.closest("[data-question]") : null;
  const find = question?.querySelector("[data-find]");
  if (!find) return;
  if (event.target.matches("[type='search']")) event.stopPropagation(); // what is sought is no part of the answer
  else tell(find);
});

document.addEventListener("keydown", (event) => {
  const find = event.target instanceof Element && event.target.matches("[data-find] input") ? event.target.closest("[data-find]") : null;
  if (!find || event.isComposing) return;
  if (event.key === "Enter") {
    const typed = event.target.value.trim() !== "";
    if (!typed && !event.repeat) return; // an empty field sends the form, as any field does
    event.preventDefault();
    if (event.repeat) return;
    const [first] = narrow(find);
    if (!first) return;
    const input = first.querySelector("input");
    event.target.value = "";
    input.click();
    narrow(find);
    if (!input.checked) say(find, fill(find.dataset.left, { names: nameOf(first) }));
    first.scrollIntoView({ block: "nearest" });
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    narrow(find)[0]?.querySelector("input").focus();
  }
});

document.addEventListener("htmx:afterSettle", prepare);
prepare();
