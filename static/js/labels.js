// Many labels beside a text or an image: typing leaves those that fit, Enter goes back to what is marked and takes the first of them.

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const labelsOf = (field) => [...field.closest(".marking").querySelectorAll("[data-label]")];

function narrow(field) {
  const wanted = folded(field.value.trim()).split(/\s+/).filter(Boolean);
  for (const label of labelsOf(field)) {
    const name = folded(label.querySelector("span").textContent);
    label.hidden = !wanted.every((word) => name.includes(word));
  }
  return labelsOf(field).filter((label) => !label.hidden);
}

const isFind = (target) => target instanceof Element && target.matches("[data-find-label]");

document.addEventListener("input", ({ target }) => {
  if (isFind(target)) narrow(target);
});

document.addEventListener("keydown", (event) => {
  if (!isFind(event.target) || event.isComposing || event.key !== "Enter") return;
  event.preventDefault(); // it takes a label, and sends nothing
  const [first] = event.target.value.trim() ? narrow(event.target) : [];
  if (!first || event.repeat) return;
  event.target.value = "";
  narrow(event.target);
  event.target.closest(".marking").querySelector("[data-enter]").click();
  first.click();
});
