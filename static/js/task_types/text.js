// A text: how many characters are missing or too many; for one that is put right, what was changed, word by word; Ctrl and Enter send.

const fieldOf = (target) => (target instanceof Element ? target.closest(".kind-text textarea") : null);
const fill = (text, n) => text.replace("{n}", n);

function count(field) {
  const said = field.closest("fieldset").querySelector(".count");
  const text = field.closest("fieldset").querySelector("[data-original]") ? field.value : field.value.trim();
  const n = [...text].length; // code points, as the server counts
  const { fewest, most, few, near, many } = said.dataset;
  let words = "";
  if (n > most) words = fill(many, n - most);
  else if (n > 0 && n < fewest) words = fill(few, fewest - n);
  else if (most - n < most / 10) words = fill(near, most - n);
  if (said.textContent !== words) said.textContent = words;
  said.classList.toggle("bad", n > most);
}

/** Words of two texts as [kind, words] runs: the longest common part stays. Ends that are equal are left out of the table. */
function runs(before, after) {
  const [a, b] = [before, after].map((text) => text.match(/\s+|[^\s]+/g) ?? []);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [x, y] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const middle = x.length * y.length > 4e6 ? [["removed", x], ["added", y]] : steps(x, y);
  return [["same", a.slice(0, start)], ...middle, ["same", a.slice(a.length - end)]].filter(([, words]) => words.length);
}

function steps(x, y) {
  const width = y.length + 1;
  const common = new Uint16Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = y.length - 1; k >= 0; k--) {
      common[i * width + k] =
        x[i] === y[k] ? common[(i + 1) * width + k + 1] + 1 : Math.max(common[(i + 1) * width + k], common[i * width + k + 1]);
    }
  }
  const found = [];
  const add = (kind, word) => (found.at(-1)?.[0] === kind ? found.at(-1)[1].push(word) : found.push([kind, [word]]));
  let [i, k] = [0, 0];
  while (i < x.length || k < y.length) {
    if (i < x.length && k < y.length && x[i] === y[k]) add("same", x[i++] && y[k++]);
    else if (i < x.length && (k === y.length || common[(i + 1) * width + k] >= common[i * width + k + 1])) add("removed", x[i++]);
    else add("added", y[k++]);
  }
  return found;
}

function showChange(field) {
  const change = field.closest("fieldset").querySelector("[data-original]");
  if (!change) return;
  const shown = change.querySelector(".diff");
  const { original, added, removed } = change.dataset;
  if (field.value === original) {
    shown.textContent = shown.dataset.same;
    return;
  }
  shown.replaceChildren(
    ...runs(original, field.value).map(([kind, words]) => {
      if (kind === "same") return document.createTextNode(words.join(""));
      const part = document.createElement(kind === "added" ? "ins" : "del");
      const said = document.createElement("span");
      said.className = "visually-hidden";
      said.textContent = `${kind === "added" ? added : removed} `;
      part.append(said, words.join(""));
      return part;
    }),
  );
}

document.addEventListener("input", ({ target }) => {
  const field = fieldOf(target);
  if (!field) return;
  count(field);
  showChange(field);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const send = fieldOf(event.target)?.form?.querySelector("[data-key='Enter']");
  if (!send) return;
  event.preventDefault();
  if (!event.repeat) send.click();
});

function prepare() {
  for (const field of document.querySelectorAll(".kind-text textarea")) count(field);
}

document.addEventListener("htmx:afterSettle", prepare);
prepare();
