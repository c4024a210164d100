// Labelled rectangles on an image, by pointer and by keyboard. Everything is kept in pixels of the image; only drawing knows the zoom.

const enhanced = new WeakSet();
const SVG = "http://www.w3.org/2000/svg";
const PARTS = ["x", "y", "width", "height"];
const CORNERS = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];
const MOST_ZOOM = 16;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

class Marking {
  constructor(root) {
    const part = (name) => root.querySelector(`[data-${name}]`);
    Object.assign(this, { root, field: part("value"), stage: part("stage"), sheet: part("sheet"), drawing: part("drawing") });
    Object.assign(this, { list: part("list"), row: part("row"), none: part("none"), said: part("said"), scaleShown: part("scale"), panning: part("pan") });
    this.labels = [...root.querySelectorAll("[data-label]")];
    this.size = { width: Number(root.dataset.width), height: Number(root.dataset.height) };
    this.marks = this.standing();
    this.now = null; // the box that is looked at
    this.held = this.labels.length === 1 ? this.labels[0].dataset.label : null; // the label that the next box gets
    this.cross = { x: Math.round(this.size.width / 2), y: Math.round(this.size.height / 2) };
    this.zoom = 1;
    this.drag = null;
    part("plain").remove();
    this.field.disabled = false;
    this.listen();
    this.hold(this.held);
    this.draw();
  }

  standing() {
    const value = (row, name) => row.querySelector(`[name$=".${name}"]`).value;
    const rows = [...this.root.querySelectorAll("[data-plain] [data-mark]")];
    const found = rows.map((row) => ({ label: value(row, "label"), ...Object.fromEntries(PARTS.map((name) => [name, value(row, name)])) }));
    const whole = found.filter((box) => box.label && PARTS.every((name) => /^-?\d+(\.\d+)?$/.test(box[name])));
    return whole.map((box) => ({ label: box.label, ...Object.fromEntries(PARTS.map((name) => [name, Number(box[name])])) }));
  }

  listen() {
    this.stage.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) this.stage.addEventListener(name, () => this.drawBoxes());
    this.sheet.addEventListener("pointerdown", (event) => this.down(event));
    this.sheet.addEventListener("pointermove", (event) => this.dragged(event));
    this.sheet.addEventListener("pointerup", (event) => this.up(event));
    this.sheet.addEventListener("pointercancel", () => this.dropped());
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const label of this.labels) {
      label.addEventListener("pointerdown", (event) => event.preventDefault());
      label.addEventListener("click", () => this.label(label.dataset.label));
    }
    for (const button of this.root.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => this.zoomBy(Number(button.dataset.zoom)));
    this.panning.addEventListener("click", () => this.pan());
    this.root.querySelector("[data-enter]").addEventListener("click", () => this.stage.focus());
    this.list.addEventListener("click", (event) => this.listed(event.target.closest("button")));
    this.list.addEventListener("change", ({ target }) => this.typed(target));
    this.list.addEventListener("keydown", (event) => !event.target.matches("input") && this.key(event, true));
    this.none.addEventListener("change", () => this.nothing());
    new ResizeObserver(() => this.drawBoxes()).observe(this.sheet);
  }

  // --- What is marked

  title(label) {
    return this.labels.find((one) => one.dataset.label === label)?.querySelector("span").textContent ?? label;
  }

  colour(label) {
    return this.labels.find((one) => one.dataset.label === label)?.className.replace("opt ", "") ?? "";
  }

  place(box) {
    return this.root.dataset.saidPlace.replace(/\{(\w+)\}/g, (_, name) => box[name]);
  }

  say(name, box, more = {}) {
    const parts = { label: box ? this.title(box.label) : "", place: box ? this.place(box) : "", ...more };
    this.said.textContent = this.root.dataset[name].replace(/\{(\w+)\}/g, (_, part) => parts[part]);
  }

  nothing() {
    if (!this.none.checked || !this.marks.length) return;
    this.none.checked = false;
    this.say("saidMarks");
  }

  set(marks, now = null) {
    this.marks = marks;
    this.now = now;
    if (marks.length) this.none.checked = false;
    this.draw();
    this.none.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** A box with its edges on whole pixels of the image. */
  fitted(box) {
    const { width, height } = this.size;
    const left = within(Math.round(Math.min(box.x, box.x + box.width)), 0, width - 1);
    const top = within(Math.round(Math.min(box.y, box.y + box.height)), 0, height - 1);
    const right = within(Math.round(Math.max(box.x, box.x + box.width)), left + 1, width);
    const bottom = within(Math.round(Math.max(box.y, box.y + box.height)), top + 1, height);
    return { ...box, x: left, y: top, width: right - left, height: bottom - top };
  }

  add(box) {
    if (this.marks.length >= Number(this.root.dataset.atMost)) return this.say("saidFull");
    const fitted = this.fitted(box);
    if (this.stands(fitted)) return this.say("saidTwice");
    this.set([...this.marks, fitted], fitted);
    this.say("saidMarked", fitted);
  }

  stands(box, except = null) {
    return this.marks.some((one) => one !== except && one.label === box.label && PARTS.every((name) => one[name] === box[name]));
  }

  change(parts) {
    const box = { ...this.now, ...parts };
    if (this.stands(box, this.now)) return this.say("saidTwice");
    this.set(this.marks.map((one) => (one === this.now ? box : one)), box);
    this.say("saidMarked", box);
  }

  remove(box) {
    if (!box) return;
    this.set(this.marks.filter((other) => other !== box));
    this.say("saidGone", box);
    if (document.activeElement === document.body) this.stage.focus();
  }

  label(label) {
    if (this.now) this.change({ label });
    else if (document.activeElement === this.stage) this.putAtCross(label);
    this.hold(label);
  }

  hold(label) {
    this.held = label;
    for (const one of this.labels) one.setAttribute("aria-pressed", String(one.dataset.label === label));
  }

  putAtCross(label) {
    const side = { width: this.size.width / 5, height: this.size.height / 5 };
    this.add({ label, ...side, x: this.cross.x - side.width / 2, y: this.cross.y - side.height / 2 });
  }

  look(box) {
    this.now = box ?? null;
    if (box) {
      this.say("saidNow", box, { n: this.marks.indexOf(box) + 1, of: this.marks.length });
      this.show(box);
    }
    this.draw();
  }

  step(by) {
    if (!this.marks.length) return;
    const at = this.marks.indexOf(this.now);
    this.look(this.marks[at < 0 ? (by > 0 ? 0 : this.marks.length - 1) : (at + by + this.marks.length) % this.marks.length]);
  }

  listed(button) {
    if (!button) return;
    const box = this.marks[[...this.list.children].indexOf(button.closest("li"))];
    if ("remove" in button.dataset) this.remove(box);
    else this.look(this.now === box ? null : box);
  }

  typed(field) {
    if (!this.now || !field.dataset.part || !Number.isFinite(field.valueAsNumber)) return this.drawList();
    this.change(this.fitted({ ...this.now, [field.dataset.part]: field.valueAsNumber }));
  }

  // --- By keyboard

  key(event, inList = false) {
    if (event.altKey || event.metaKey) return;
    const step = event.ctrlKey ? 1 : Math.max(1, Math.round(Math.min(this.size.width, this.size.height) / 40));
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const acts = {
      Delete: () => this.remove(this.now),
      Backspace: () => this.remove(this.now),
      Escape: () => this.look(null),
      "[": () => this.step(-1),
      "]": () => this.step(1),
      "+": () => this.zoomBy(1),
      "-": () => this.zoomBy(-1),
    };
    const places = event.ctrlKey || event.shiftKey ? {} : { BracketLeft: acts["["], BracketRight: acts["]"] };
    const act = way && !inList ? () => this.moveBy(...way, event.shiftKey) : acts[event.key] ?? places[event.code];
    if (!act || (event.ctrlKey && !way)) return;
    event.preventDefault();
    act();
  }

  moveBy(x, y, resize) {
    if (!this.now) {
      this.cross = { x: within(this.cross.x + x, 0, this.size.width), y: within(this.cross.y + y, 0, this.size.height) };
      this.drawBoxes();
      this.show({ ...this.cross, width: 1, height: 1 });
      this.said.textContent = `${this.cross.x}, ${this.cross.y}`;
    } else if (resize) this.change(this.fitted({ ...this.now, width: Math.max(1, this.now.width + x), height: Math.max(1, this.now.height + y) }));
    else this.change(this.shifted(this.now, x, y));
    if (this.now) this.show(this.now);
  }

  /** The box elsewhere, as large as it is, within the image. */
  shifted(box, x, y) {
    const left = within(Math.round(box.x + x), 0, Math.max(0, this.size.width - box.width));
    return { x: left, y: within(Math.round(box.y + y), 0, Math.max(0, this.size.height - box.height)) };
  }

  // --- By pointer

  get scale() {
    return this.sheet.getBoundingClientRect().width / this.size.width || 1;
  }

  pointOf(event) {
    const frame = this.sheet.getBoundingClientRect();
    return { x: (event.clientX - frame.left) / this.scale, y: (event.clientY - frame.top) / this.scale };
  }

  down(event) {
    if (event.button !== 0) return;
    if (this.panning.getAttribute("aria-pressed") === "true") {
      this.drag = { pan: true, left: this.stage.scrollLeft + event.clientX, top: this.stage.scrollTop + event.clientY };
    } else {
      event.preventDefault();
      this.stage.focus({ preventScroll: true });
      this.drag = this.grip(this.pointOf(event), event.pointerType === "touch" ? 18 : 8);
    }
    this.sheet.setPointerCapture(event.pointerId);
  }

  /** What a drag from here does: resize at a corner of the box that is looked at, move it from within, else draw a new one. */
  grip(from, reach) {
    const box = this.now;
    if (!box) return { from, to: from };
    const corner = CORNERS.find(([x, y]) => Math.hypot(box.x + x * box.width - from.x, box.y + y * box.height - from.y) * this.scale <= reach);
    if (corner) return { from, to: from, corner, box };
    const inside = from.x >= box.x && from.x <= box.x + box.width && from.y >= box.y && from.y <= box.y + box.height;
    return inside ? { from, to: from, move: true, box } : { from, to: from };
  }

  dragged(event) {
    if (!this.drag) return;
    if (this.drag.pan) {
      this.stage.scrollTo(this.drag.left - event.clientX, this.drag.top - event.clientY);
      return;
    }
    this.drag.to = this.pointOf(event);
    this.drawBoxes(this.result());
  }

  /** The box as the drag leaves it, or none where the pointer has hardly moved. */
  result() {
    const { from, to, corner, move, box } = this.drag;
    const [x, y] = [to.x - from.x, to.y - from.y];
    if (Math.hypot(x, y) * this.scale < 3) return null;
    if (move) return { ...box, ...this.shifted(box, x, y) };
    if (!corner) return this.fitted({ label: this.held ?? this.labels[0].dataset.label, x: from.x, y: from.y, width: x, height: y });
    const edge = (at, start, length, by) => (at === 0 ? [start + by, length - by] : at === 1 ? [start, length + by] : [start, length]);
    const [left, width] = edge(corner[0], box.x, box.width, x);
    const [top, height] = edge(corner[1], box.y, box.height, y);
    return this.fitted({ ...box, x: left, y: top, width, height });
  }

  up(event) {
    const drag = this.drag;
    if (!drag || drag.pan) return this.dropped();
    drag.to = this.pointOf(event);
    const found = this.result();
    this.drag = null;
    if (!found) this.look(this.at(drag.from));
    else if (drag.box) this.change(found);
    else this.add(found);
  }

  dropped() {
    this.drag = null;
    this.drawBoxes();
  }

  at({ x, y }) {
    const found = this.marks.filter((box) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height);
    return found.sort((a, b) => a.width * a.height - b.width * b.height)[0];
  }

  pan() {
    const on = this.panning.getAttribute("aria-pressed") !== "true";
    this.panning.setAttribute("aria-pressed", String(on));
    this.sheet.classList.toggle("panned", on);
  }

  wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? 1 : -1, event);
  }

  zoomBy(by, at = null) {
    const frame = this.stage.getBoundingClientRect();
    const middle = at ? { x: at.clientX - frame.left, y: at.clientY - frame.top } : { x: frame.width / 2, y: frame.height / 2 };
    const before = this.zoom;
    this.zoom = by === 0 ? 1 : within(this.zoom * 1.25 ** by, 1, MOST_ZOOM);
    this.sheet.style.setProperty("width", `${this.zoom * 100}%`);
    const more = this.zoom / before;
    this.stage.scrollTo((this.stage.scrollLeft + middle.x) * more - middle.x, (this.stage.scrollTop + middle.y) * more - middle.y);
    if (this.now) this.show(this.now);
    this.drawBoxes();
  }

  /** Scrolls the image so that the box is seen. */
  show(box) {
    const scale = this.scale;
    const [left, top] = [box.x * scale, box.y * scale];
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.stage;
    const off = left < scrollLeft || top < scrollTop || left + box.width * scale > scrollLeft + clientWidth || top + box.height * scale > scrollTop + clientHeight;
    if (off) this.stage.scrollTo(left - (clientWidth - box.width * scale) / 2, top - (clientHeight - box.height * scale) / 2);
  }

  // --- What is seen

  draw() {
    this.field.value = JSON.stringify(this.marks);
    this.drawBoxes();
    this.drawList();
  }

  drawBoxes(dragged = null) {
    const scale = this.scale;
    const looked = dragged ?? this.now;
    const others = this.marks.filter((box) => box !== this.now || !dragged || !this.drag?.box);
    const boxes = dragged ? [...others, dragged] : others;
    this.scaleShown.textContent = `${Math.round(scale * 100)} %`;
    this.drawing.replaceChildren(...boxes.flatMap((box) => this.rect(box, box === looked, scale)), ...this.crossLines());
  }

  rect(box, looked, scale) {
    const rect = this.shape("rect", box);
    rect.setAttribute("class", `${this.colour(box.label)}${looked ? " now" : ""}`);
    const name = this.shape("text", { x: box.x + 3 / scale, y: Math.max(box.y - 4 / scale, 12 / scale), "font-size": 12 / scale });
    name.setAttribute("class", this.colour(box.label));
    name.textContent = this.title(box.label);
    const half = 4 / scale;
    const grips = looked
      ? CORNERS.map(([x, y]) => this.shape("rect", { x: box.x + x * box.width - half, y: box.y + y * box.height - half, width: 2 * half, height: 2 * half }))
      : [];
    for (const grip of grips) grip.setAttribute("class", "grip");
    return [rect, name, ...grips];
  }

  crossLines() {
    if (this.now || this.drag || document.activeElement !== this.stage || !this.stage.matches(":focus-visible")) return [];
    const { x, y } = this.cross;
    const lines = [{ x1: x, x2: x, y1: 0, y2: this.size.height }, { x1: 0, x2: this.size.width, y1: y, y2: y }];
    return lines.map((line) => this.shape("line", line));
  }

  shape(name, parts) {
    const found = document.createElementNS(SVG, name);
    for (const [part, value] of Object.entries(parts)) if (part !== "label") found.setAttribute(part, value);
    return found;
  }

  drawList() {
    const active = this.list.contains(document.activeElement) ? document.activeElement : null;
    const focused = [...this.list.children].findIndex((row) => row.contains(active));
    const same = active?.dataset.part ? `[data-part="${active.dataset.part}"]` : "[data-go]";
    this.list.replaceChildren(...this.marks.map((box) => this.rowOf(box)));
    const row = active && (this.list.querySelector("[aria-current]") ?? this.list.children[Math.min(focused, this.list.children.length - 1)]);
    if (row) row.querySelector(same)?.focus();
  }

  rowOf(box) {
    const row = this.row.content.firstElementChild.cloneNode(true);
    const name = row.querySelector("[data-name]");
    name.textContent = this.title(box.label);
    name.className += ` ${this.colour(box.label)}`;
    row.querySelector("[data-words]").textContent = this.place(box);
    for (const field of row.querySelectorAll("[data-part]")) field.value = box[field.dataset.part];
    if (box === this.now) row.setAttribute("aria-current", "true");
    row.querySelector("[data-tools]").hidden = box !== this.now;
    return row;
  }
}

function enhance() {
  for (const root of document.querySelectorAll("[data-boxes]")) {
    if (enhanced.has(root) || !root.querySelector("[data-list]")) continue;
    enhanced.add(root);
    new Marking(root);
  }
}

document.addEventListener("htmx:afterSettle", enhance);
enhance();
