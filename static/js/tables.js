// On a narrow screen a table of class "stacks" becomes a list of rows: each cell then needs the name of its column beside it.
// Without script the table scrolls inside its frame instead.

function label(table) {
  const names = [...table.querySelectorAll(":scope > thead th")].map((head) => head.textContent.trim());
  table.setAttribute("role", "table");
  for (const row of table.querySelectorAll(":scope > tbody > tr, :scope > thead > tr")) {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, index) => {
      cell.setAttribute("role", cell.tagName === "TH" ? "columnheader" : "cell");
      if (names[index]) cell.dataset.label = names[index];
    });
  }
  table.classList.add("labelled");
}

function labelAll(root) {
  for (const table of root.querySelectorAll("table.stacks:not(.labelled)")) label(table);
}

labelAll(document);
document.addEventListener("htmx:afterSettle", (event) => labelAll(event.target));
