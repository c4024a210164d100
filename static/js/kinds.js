// The editor of questions: of the fields that only one kind of question has, those of the chosen kind are shown.

function showFields(select) {
  for (const part of select.closest("fieldset").querySelectorAll("[data-of-kinds]")) {
    part.hidden = !part.dataset.ofKinds.split(" ").includes(select.value);
  }
}

document.addEventListener("change", ({ target }) => {
  if (target instanceof Element && target.matches("[data-kind]")) showFields(target);
});
