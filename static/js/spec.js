// The spec editor: what was kept while one typed, fields that only examples have, what is being written stays when the outline
// round it is swapped, a warning before unkept words are left.

const examples = new Set(["example", "counter_example"]);

function showExampleFields(root) {
  for (const select of root.querySelectorAll("[data-block-type]")) {
    const block = select.closest(".block-form");
    const used = [...block.querySelectorAll(".example-fields textarea, .example-fields input")].some((field) => field.value);
    block.querySelector(".example-fields").hidden = !examples.has(select.value) && !used;
  }
}

document.addEventListener("change", ({ target }) => {
  if (target instanceof Element && target.matches("[data-block-type]")) showExampleFields(target.closest(".block-form").parentElement);
});

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target instanceof Element) showExampleFields(target.closest(".slot") ?? document);
});

showExampleFields(document);

document.addEventListener("input", ({ target }) => {
  const said = target instanceof Element ? target.closest(".clause-form")?.querySelector("[data-kept]") : null;
  if (said) said.textContent = "…";
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const form = detail.requestConfig.elt.closest(".clause-form");
  if (!form) return;
  const reply = document.createElement("template");
  reply.innerHTML = detail.xhr.responseText;
  const kept = reply.content.querySelector("[data-kept-revision]");
  if (!kept) return;
  form.querySelector("[data-revision]").value = kept.dataset.keptRevision;
  form.querySelector("[data-kept]").textContent = kept.innerHTML.trim();
});

const changed = (field) => field.value !== field.defaultValue;
const inUse = (place) =>
  place.matches(".slot") ? place.querySelector("[data-working]") !== null : [...place.querySelectorAll("textarea")].some(changed);
let kept = [];

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target?.id !== "outline" || !detail.shouldSwap) return;
  const from = detail.requestConfig.elt;
  const used = [...detail.target.querySelectorAll("[data-keep]")].filter((place) => !place.contains(from) && inUse(place));
  kept = used.filter((place) => !used.some((other) => other !== place && other.contains(place)));
  for (const place of kept) place.remove();
});

document.addEventListener("htmx:afterSwap", () => {
  const outline = document.getElementById("outline");
  if (!outline) return;
  for (const place of kept) {
    const found = [...outline.querySelectorAll("[data-keep]")].find((other) => other.dataset.keep === place.dataset.keep);
    if (found) found.replaceWith(place);
    else outline.append(place); // its clause or section is gone; what was written is not
  }
  kept = [];
});

window.addEventListener("beforeunload", (event) => {
  const forms = [...document.querySelectorAll("form[data-warn]:not([data-sent])")];
  if (forms.some((form) => [...form.querySelectorAll("textarea, input:not([type='hidden'])")].some(changed))) event.preventDefault();
});

document.addEventListener("submit", ({ target }) => {
  if (target instanceof Element && target.matches("[data-warn]:not([hx-post])")) target.dataset.sent = "1";
});
