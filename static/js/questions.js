// Every page that poses questions: fetches the scripts of the kinds that are on it (a question names its own in data-script), also
// of those that a swap brings. A script is a module, so it runs once; it listens at the document, and needs no start of its own.

function fetchScripts(root) {
  for (const question of root.querySelectorAll("[data-script]")) import(question.dataset.script);
}

document.addEventListener("htmx:afterSettle", () => fetchScripts(document));
fetchScripts(document);
