// The spec editor: what was kept while one typed, fields that only examples have, a conflict shown in place of the form.

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
  if (detail.xhr.status === 409) {
    // Somebody else was faster: both texts take the form's place, with a choice for each difference.
    detail.shouldSwap = true;
    detail.isError = false;
    detail.target = form.closest(".slot");
    detail.swapOverride = "innerHTML";
    return;
  }
  const reply = document.createElement("template");
  reply.innerHTML = detail.xhr.responseText;
  const kept = reply.content.querySelector("[data-kept-revision]");
  if (!kept) return;
  form.querySelector("[data-revision]").value = kept.dataset.keptRevision;
  form.querySelector("[data-kept]").textContent = kept.innerHTML.trim();
});
