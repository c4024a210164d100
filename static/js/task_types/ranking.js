// Things in order. The place of each stands in its own field, which is all that is sent; this fills it: the best is chosen first, by
// number or click; arrows, buttons and dragging move one. The list shows the order as it stands.

const fill = (text, parts) => text.replace(/\{(\w+)\}/g, (whole, name) => parts[name] ?? whole);
const listOf = (target) => (target instanceof Element ? target.closest(".kind-ranking .things") : null);
const thingsOf = (list) => [...list.querySelectorAll(".thing")];
const placeOf = (thing) => Number(thing.querySelector("select").value) || 0;
const nameOf = (thing) => thing.querySelector("[data-name]").textContent.trim();
const tieOf = (list) => list.closest("fieldset").querySelector("[data-tie]");

/** The places as they stand: lists of things, best first. */
function groupsOf(list) {
  const groups = new Map();
  for (const thing of thingsOf(list)) {
    if (placeOf(thing)) groups.set(placeOf(thing), [...(groups.get(placeOf(thing)) ?? []), thing]);
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, things]) => things);
}

/** Writes places into the fields, 1 and on, shows the list in that order, says what became of one thing. */
function write(list, groups, told) {
  const focused = document.activeElement;
  const free = thingsOf(list).filter((thing) => !groups.flat().includes(thing));
  groups.forEach((things, index) => things.forEach((thing) => (thing.querySelector("select").value = String(index + 1))));
  for (const thing of free) thing.querySelector("select").value = "";
  const order = [...groups.flat(), ...free.sort((a, b) => a.dataset.first - b.dataset.first)];
  if (order.some((thing, index) => list.children[index] !== thing)) list.append(...order);
  if (list.contains(focused)) focused.focus({ preventScroll: true });
  for (const thing of order) thing.classList.toggle("placed", placeOf(thing) > 0);
  if (!told) return;
  const n = placeOf(told);
  const said = list.closest("fieldset").querySelector("[data-said]");
  said.textContent = fill(n ? list.dataset.placed : list.dataset.freed, { name: nameOf(told), n, m: order.length });
  told.querySelector("select").dispatchEvent(new Event("change", { bubbles: true }));
}

function pick(thing) {
  const list = listOf(thing);
  thing.querySelector(".pick").focus({ preventScroll: true }); // also where its number was pressed: the arrows move it from there
  const groups = groupsOf(list);
  const tie = tieOf(list);
  if (placeOf(thing)) {
    write(list, without(groups, thing), thing);
    return;
  }
  if (tie?.getAttribute("aria-pressed") === "true" && groups.length) groups.at(-1).push(thing);
  else groups.push([thing]);
  tie?.setAttribute("aria-pressed", "false");
  write(list, groups, thing);
}

const without = (groups, thing) => groups.map((things) => things.filter((one) => one !== thing)).filter((things) => things.length);

/** One place up or down: out of a shared place to a place of its own, else past its neighbour. One without a place gets the last. */
function move(thing, step) {
  const list = listOf(thing);
  const groups = groupsOf(list);
  const at = groups.findIndex((things) => things.includes(thing));
  if (at < 0) {
    write(list, [...groups, [thing]], thing);
    return;
  }
  const shared = groups[at].length > 1;
  const rest = groups.map((things) => things.filter((one) => one !== thing));
  if (!shared && !groups[at + step]) return;
  const left = rest.filter((things) => things.length);
  const to = shared ? at + (step > 0 ? 1 : 0) : at + step;
  left.splice(to, 0, [thing]);
  write(list, left, thing);
}

document.addEventListener("click", ({ target }) => {
  if (!(target instanceof Element)) return;
  const tie = target.closest(".kind-ranking [data-tie]");
  if (tie) tie.setAttribute("aria-pressed", String(tie.getAttribute("aria-pressed") !== "true"));
  const thing = target.closest(".kind-ranking .thing");
  if (!thing || dragged?.moved) return;
  const arrow = target.closest("[data-move]");
  if (arrow) move(thing, Number(arrow.dataset.move));
  else if (target.closest(".pick")) pick(thing);
});

document.addEventListener("change", (event) => {
  const list = event.isTrusted ? listOf(event.target) : null;
  if (list) write(list, groupsOf(list), null);
});

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const thing = step && event.target instanceof Element && event.target.matches(".thing > button") ? event.target.closest(".thing") : null;
  if (!thing || !listOf(thing)) return;
  event.preventDefault();
  move(thing, step);
});

// Dragging: the thing follows the pointer from row to row. It is put where it is let go, among those that have a place.
let dragged = null;

document.addEventListener("pointerdown", (event) => {
  const pickButton = event.target instanceof Element ? event.target.closest(".kind-ranking .pick:not(:disabled)") : null;
  dragged = pickButton && event.button === 0 && event.pointerType === "mouse" ? { thing: pickButton.closest(".thing"), y: event.clientY } : null;
});

document.addEventListener("pointermove", (event) => {
  if (!dragged || (!dragged.moved && Math.abs(event.clientY - dragged.y) < 6)) return;
  dragged.moved = true;
  dragged.thing.classList.add("dragged");
  const list = listOf(dragged.thing);
  const over = thingsOf(list).find((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return one !== dragged.thing && event.clientY >= top && event.clientY <= bottom;
  });
  if (!over) return;
  const { top, height } = over.getBoundingClientRect();
  if (event.clientY < top + height / 2) over.before(dragged.thing);
  else over.after(dragged.thing);
});

document.addEventListener("pointerup", () => {
  if (dragged?.moved) drop(dragged.thing);
  const past = dragged;
  setTimeout(() => {
    if (dragged === past) dragged = null; // the click that ends a drag comes after it, and picks nothing
  });
});

function drop(thing) {
  thing.classList.remove("dragged");
  const list = listOf(thing);
  const before = thingsOf(list).slice(0, thingsOf(list).indexOf(thing)).filter((one) => placeOf(one));
  const groups = without(groupsOf(list), thing);
  const at = groups.findLastIndex((things) => things.some((one) => before.includes(one))) + 1;
  groups.splice(at, 0, [thing]);
  write(list, groups, thing);
}

function prepare() {
  for (const list of document.querySelectorAll(".kind-ranking .things:not([data-ready])")) {
    list.dataset.ready = "";
    thingsOf(list).forEach((thing, index) => (thing.dataset.first = index));
    for (const thing of thingsOf(list)) thing.classList.toggle("placed", placeOf(thing) > 0);
    // Tab goes from thing to thing: what the other fields of each do, the arrow keys and the number do there.
    for (const part of list.querySelectorAll("select, [data-move]")) part.tabIndex = -1;
  }
}

document.addEventListener("htmx:afterSettle", prepare);
prepare();
