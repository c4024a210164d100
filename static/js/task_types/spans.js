// Labelled ranges of a text, by pointer and by keyboard. Places are counted in code points where they leave this file (the field
// `q.<key>`, what is read out of the page) and in UTF-16 units inside, as the DOM does.

import { Reader, Ruler } from "../reading.js";

const enhanced = new WeakSet();
const LINE_END = /[\r\n]/;

class Marking {
  constructor(root) {
    const part = (name) => root.querySelector(`[data-${name}]`);
    Object.assign(this, { root, field: part("value"), place: part("text"), caret: part("caret"), list: part("list") });
    Object.assign(this, { row: part("row"), none: part("none"), said: part("said"), labels: [...root.querySelectorAll("[data-label]")] });
    this.text = this.place.textContent;
    this.ruler = new Ruler(this.text);
    this.reader = new Reader(this.text);
    this.toWords = root.dataset.snap === "word";
    this.marks = this.standing();
    this.anchor = this.focus = 0;
    this.now = null; // the mark that is looked at
    this.held = null; // the label that the next selection gets
    part("plain").remove();
    this.field.disabled = false;
    this.listen();
    this.draw();
  }

  /** What the rows of the plain form hold that stands in the text; the rest would be refused, and its words are beside it. */
  standing() {
    const rows = [...this.root.querySelectorAll("[data-plain] [data-mark]")];
    const value = (row, name) => row.querySelector(`[name$=".${name}"]`).value;
    const found = rows.map((row) => ({ label: value(row, "label"), start: value(row, "start"), end: value(row, "end") }));
    return found
      .filter(({ label, start, end }) => label && /^\d+$/.test(start) && /^\d+$/.test(end))
      .map(({ label, start, end }) => ({ label, start: this.ruler.unit(Number(start)), end: this.ruler.unit(Number(end)) }))
      .filter(({ start, end }) => start < end && end <= this.text.length);
  }

  listen() {
    this.place.addEventListener("keydown", (event) => this.key(event));
    this.place.addEventListener("focus", () => this.showCaret());
    this.place.addEventListener("blur", () => (this.caret.hidden = true));
    this.place.addEventListener("pointerup", () => setTimeout(() => this.pointed()));
    for (const label of this.labels) {
      label.addEventListener("pointerdown", (event) => event.preventDefault()); // a selection survives the touch
      label.addEventListener("click", () => this.label(label.dataset.label));
    }
    this.root.querySelector("[data-enter]").addEventListener("click", () => this.enter());
    this.list.addEventListener("click", (event) => this.listed(event.target.closest("button")));
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.none.addEventListener("change", () => this.nothing());
    new ResizeObserver(() => this.showCaret()).observe(this.place);
    this.place.addEventListener("scroll", () => this.caret.hidden || this.placeCaret(this.boxOf(this.focus)));
    // A swap takes the question away but not this listener, which would keep every text of a day's work.
    const heard = () => (this.root.isConnected ? this.selected() : document.removeEventListener("selectionchange", heard));
    document.addEventListener("selectionchange", heard);
  }

  // --- What is marked

  /** That there is nothing to mark holds only where nothing is: a slip of a key must not take marks away. */
  nothing() {
    if (!this.none.checked || !this.marks.length) return;
    this.none.checked = false;
    this.tell(this.root.dataset.saidMarks);
  }

  title(label) {
    return this.labels.find((one) => one.dataset.label === label)?.querySelector("span").textContent ?? label;
  }

  words({ start, end }) {
    const words = this.text.slice(start, end).replace(/\s+/g, " ");
    return words.length > 60 ? `${words.slice(0, 60)}…` : words;
  }

  say(name, mark, more = {}) {
    const parts = { text: mark ? this.words(mark) : "", label: mark ? this.title(mark.label) : "", ...more };
    this.tell(this.root.dataset[name].replace(/\{(\w+)\}/g, (_, part) => parts[part]));
  }

  tell(words) {
    this.said.textContent = words;
  }

  set(marks, now = null) {
    this.marks = marks.sort((a, b) => a.start - b.start || a.end - b.end || (a.label < b.label ? -1 : 1));
    this.now = now;
    if (marks.length) this.none.checked = false;
    this.draw();
    this.none.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Whether a mark may stand beside the others, saying why not. */
  fits(mark, others) {
    const inTheWay = others.find((one) => one.start < mark.end && mark.start < one.end);
    if (others.some((one) => one.start === mark.start && one.end === mark.end && one.label === mark.label)) this.say("saidTwice");
    else if (inTheWay && !("overlapping" in this.root.dataset)) this.say("saidOverlap", inTheWay);
    else return true;
    return false;
  }

  label(label) {
    if (this.now) this.change({ label });
    else if (this.anchor !== this.focus || (document.activeElement === this.place && this.reader.wordAt(this.focus))) this.mark(label);
    else this.hold(label);
  }

  hold(label) {
    this.held = this.held === label ? null : label;
    for (const one of this.labels) one.setAttribute("aria-pressed", String(one.dataset.label === this.held));
    if (this.held) this.say("saidNone");
  }

  mark(label) {
    const range = this.anchor === this.focus ? this.reader.wordAt(this.focus) : this.range();
    const [start, end] = this.reader.snapped(range, this.toWords);
    if (start >= end) return this.say("saidNone");
    if (this.marks.length >= Number(this.root.dataset.atMost)) return this.say("saidFull");
    const mark = { label, start, end };
    if (!this.fits(mark, this.marks)) return;
    this.anchor = this.focus = end;
    this.set([...this.marks, mark]);
    this.select();
    this.say("saidMarked", mark);
  }

  change(parts) {
    const others = this.marks.filter((mark) => mark !== this.now);
    const mark = { ...this.now, ...parts };
    if (mark.start >= mark.end || mark.start < 0 || mark.end > this.text.length || !this.fits(mark, others)) return false;
    this.set([...others, mark], mark);
    this.say("saidMarked", mark);
    return true;
  }

  remove(mark) {
    if (!mark) return;
    this.set(this.marks.filter((other) => other !== mark));
    this.anchor = this.focus = mark.start;
    if (!this.list.contains(document.activeElement)) this.select();
    this.say("saidGone", mark);
    if (document.activeElement === document.body) this.place.focus();
  }

  look(mark) {
    this.now = mark ?? null;
    if (mark) {
      [this.anchor, this.focus] = [mark.start, mark.end];
      this.say("saidNow", mark, { n: this.marks.indexOf(mark) + 1, of: this.marks.length });
    }
    this.draw();
    if (document.activeElement === this.place) this.select();
  }

  step(by) {
    if (!this.marks.length) return;
    const at = this.marks.indexOf(this.now);
    const next = at < 0 ? this.nearest(by) : (at + by + this.marks.length) % this.marks.length;
    this.look(this.marks[next]);
  }

  nearest(by) {
    const found = by > 0 ? this.marks.findIndex((mark) => mark.start >= this.focus) : this.marks.findLastIndex((mark) => mark.end <= this.focus);
    return found < 0 ? (by > 0 ? 0 : this.marks.length - 1) : found;
  }

  /** The mark at a place: the shortest one that holds it. */
  at(place) {
    const found = this.marks.filter((mark) => mark.start <= place && place < mark.end);
    return found.sort((a, b) => a.end - a.start - (b.end - b.start))[0];
  }

  listed(button) {
    if (!button) return;
    const mark = this.marks[[...this.list.children].indexOf(button.closest("li"))];
    if ("remove" in button.dataset) this.remove(mark);
    else if (button.dataset.move) {
      const [end, by] = button.dataset.move.split(" ");
      this.now = mark;
      this.change({ [end]: this.moved(mark[end], Number(by), end) });
    } else this.look(this.now === mark ? null : mark);
    this.list.querySelector("[aria-current] [data-go]")?.scrollIntoView({ block: "nearest" });
  }

  // --- The cursor and the selection

  range() {
    return [Math.min(this.anchor, this.focus), Math.max(this.anchor, this.focus)];
  }

  enter() {
    this.place.focus();
    this.select();
  }

  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const acts = {
      ArrowUp: () => this.line(-1, event.shiftKey),
      ArrowDown: () => this.line(1, event.shiftKey),
      Home: () => this.edge(-1, event),
      End: () => this.edge(1, event),
      Delete: () => this.remove(this.now ?? this.at(this.focus)),
      Backspace: () => this.remove(this.now ?? this.at(this.focus)),
      Escape: () => this.letGo(),
      "[": () => this.step(-1),
      "]": () => this.step(1),
    };
    const inList = this.list.contains(event.target);
    if (event.altKey || event.metaKey || (inList && !["Delete", "Backspace", "Escape", "[", "]"].includes(event.key))) return;
    const act = by ? () => this.move(this.rightToLeft() ? -by : by, event) : acts[event.key] ?? this.byPlace(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** The brackets by where they lie, for keyboards that have letters there. */
  byPlace(event) {
    if (event.ctrlKey || event.shiftKey) return null;
    return { BracketLeft: () => this.step(-1), BracketRight: () => this.step(1) }[event.code];
  }

  rightToLeft() {
    return getComputedStyle(this.place).direction === "rtl";
  }

  letGo() {
    if (this.held) this.hold(this.held);
    this.now = null;
    this.anchor = this.focus;
    this.draw();
    this.select();
  }

  /** The next place one word or sign further where a word begins ("start") or ends ("end"). */
  moved(at, by, end, bySign = !this.toWords) {
    if (bySign) return this.reader.sign(at, by);
    const side = end === "start" ? 0 : 1;
    const word = by > 0 ? this.reader.wordFrom(at) : this.reader.wordUpTo(at);
    const beyond = (place) => (by > 0 ? place > at : place < at);
    if (word && beyond(word[side])) return word[side];
    const next = word && (by > 0 ? this.reader.wordFrom(word[1]) : this.reader.wordUpTo(word[0]));
    return next ? next[side] : by > 0 ? this.text.length : 0;
  }

  move(by, event) {
    const bySign = this.toWords ? false : !event.ctrlKey;
    if (!event.shiftKey) {
      const [start, end] = this.range();
      this.now = null;
      const from = start !== end ? (by > 0 ? end : start) : this.focus;
      return this.go(this.moved(from, by, "start", bySign), false);
    }
    const end = this.focus > this.anchor || (this.focus === this.anchor && by > 0) ? "end" : "start";
    let to = this.moved(this.focus, by, end, bySign);
    if (end === "end" && by < 0) to = Math.max(to, this.anchor);
    if (end === "start" && by > 0) to = Math.min(to, this.anchor);
    this.go(to, true);
  }

  /** The same place one line up or down, as the lines are set. */
  line(by, extend) {
    const box = this.boxOf(this.focus);
    if (!box) return;
    const y = box.top + box.height / 2 + by * Math.max(box.height * 1.6, 20);
    const found = this.pointAt(box.left + 1, y);
    if (found === null) return this.go(by < 0 ? 0 : this.text.length, extend);
    const word = this.toWords ? this.reader.wordAt(found) : null;
    if (!extend) this.now = null;
    this.go(word ? word[extend && by > 0 ? 1 : 0] : found, extend);
  }

  pointAt(x, y) {
    const frame = this.place.getBoundingClientRect();
    if (y < frame.top || y > frame.bottom) {
      this.place.scrollTop += y < frame.top ? -frame.height / 2 : frame.height / 2;
      return null;
    }
    const found = document.caretPositionFromPoint
      ? document.caretPositionFromPoint(x, y)
      : document.caretRangeFromPoint?.(x, y);
    return found ? this.offsetOf(found.offsetNode ?? found.startContainer, found.offset ?? found.startOffset) : null;
  }

  edge(by, event) {
    if (this.now) {
      const [start, end] = this.range();
      [this.anchor, this.focus] = by < 0 ? [end, start] : [start, end];
      return this.select();
    }
    let to = this.focus;
    if (event.ctrlKey) to = by < 0 ? 0 : this.text.length;
    else if (by < 0) while (to > 0 && !LINE_END.test(this.text[to - 1])) to -= 1;
    else while (to < this.text.length && !LINE_END.test(this.text[to])) to += 1;
    this.go(to, event.shiftKey);
  }

  go(to, extend) {
    if (extend && this.now) {
      const [start, end] = [Math.min(this.anchor, to), Math.max(this.anchor, to)];
      if (!this.change({ start, end })) return;
    }
    this.focus = to;
    if (!extend) this.anchor = to;
    if (!extend) this.draw();
    this.select();
    const [start, end] = this.anchor === this.focus ? this.reader.wordAt(to) ?? [to, to] : this.range();
    if (!this.now) this.tell(this.words({ start, end }));
  }

  /** Shows where the cursor is and what is selected, as the browser's own selection. */
  select() {
    const selection = getSelection();
    const [from, to] = [this.nodeAt(this.anchor), this.nodeAt(this.focus)];
    selection.setBaseAndExtent(from.node, from.offset, to.node, to.offset);
    this.showCaret();
  }

  showCaret() {
    const box = this.boxOf(this.focus);
    this.caret.hidden = !box || document.activeElement !== this.place;
    if (this.caret.hidden) return;
    const frame = this.place.getBoundingClientRect();
    if (box.top < frame.top || box.bottom > frame.bottom) {
      this.place.scrollTop += box.top - frame.top - frame.height / 2;
      return requestAnimationFrame(() => this.placeCaret(this.boxOf(this.focus)));
    }
    this.placeCaret(box);
  }

  placeCaret(box) {
    const frame = this.caret.parentElement.getBoundingClientRect();
    this.caret.style.setProperty("inset-block-start", `${box.top - frame.top}px`);
    this.caret.style.setProperty("left", `${box.left - frame.left}px`);
    this.caret.style.setProperty("block-size", `${box.height}px`);
    if (box.top < 60 || box.bottom > innerHeight) this.caret.scrollIntoView({ block: "center" });
  }

  /** Where a place is drawn; at the end of a line the end of the sign before it. */
  boxOf(at) {
    const range = document.createRange();
    const sides = at < this.text.length && !LINE_END.test(this.text[at]) ? [at, at + 1, 0] : [Math.max(at - 1, 0), at, 1];
    const [from, to] = [this.nodeAt(sides[0]), this.nodeAt(sides[1])];
    range.setStart(from.node, from.offset);
    range.setEnd(to.node, to.offset);
    const boxes = range.getClientRects();
    const box = boxes[sides[2] ? boxes.length - 1 : 0] ?? this.place.getBoundingClientRect();
    const left = sides[2] !== (this.rightToLeft() ? 1 : 0) ? box.right : box.left;
    return { top: box.top, bottom: box.bottom, height: box.height, left };
  }

  offsetOf(node, offset) {
    if (!this.place.contains(node)) return null;
    const range = document.createRange();
    range.setStart(this.place, 0);
    range.setEnd(node, offset);
    return range.toString().length;
  }

  nodeAt(at) {
    for (const { node, start } of this.nodes) if (at <= start + node.length) return { node, offset: at - start };
    return { node: this.place, offset: this.place.childNodes.length };
  }

  /** The browser's selection, where it lies in the text: by mouse, by touch, by a screen reader. */
  selected() {
    const { anchorNode, anchorOffset, focusNode, focusOffset } = getSelection();
    if (!anchorNode || !this.place.contains(anchorNode) || !this.place.contains(focusNode)) return;
    const [anchor, focus] = [this.offsetOf(anchorNode, anchorOffset), this.offsetOf(focusNode, focusOffset)];
    if (anchor === this.anchor && focus === this.focus) return;
    [this.anchor, this.focus] = [anchor, focus];
    if (this.now && (anchor !== this.now.start || focus !== this.now.end)) this.now = null;
  }

  /** After the pointer: a label that is held marks what was selected, and a click on a mark looks at it. */
  pointed() {
    this.selected();
    if (this.anchor === this.focus) {
      const mark = this.at(this.focus);
      if (mark || this.now) this.look(mark);
      return this.showCaret();
    }
    if (this.held) return this.mark(this.held);
    const [start, end] = this.reader.snapped(this.range(), this.toWords);
    [this.anchor, this.focus] = this.anchor <= this.focus ? [start, end] : [end, start];
    this.select();
  }

  // --- What is seen

  draw() {
    this.write();
    this.drawText();
    this.drawList();
  }

  write() {
    const value = this.marks.map(({ label, start, end }) => {
      return { start: this.ruler.point(start), end: this.ruler.point(end), label, text: this.text.slice(start, end) };
    });
    this.field.value = JSON.stringify(value);
  }

  drawText() {
    const edges = [...new Set([0, this.text.length, ...this.marks.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
    const top = this.place.scrollTop;
    this.nodes = [];
    const parts = edges.slice(1).map((end, k) => this.piece(edges[k], end));
    this.place.replaceChildren(...parts);
    this.place.scrollTop = top;
  }

  piece(start, end) {
    const node = document.createTextNode(this.text.slice(start, end));
    this.nodes.push({ node, start });
    const over = this.marks.filter((mark) => mark.start <= start && end <= mark.end);
    if (!over.length) return node;
    const inner = over.reduce((a, b) => (b.end - b.start <= a.end - a.start ? b : a));
    const piece = document.createElement("mark");
    piece.className = this.labels.find((one) => one.dataset.label === inner.label)?.className.replace("opt ", "") ?? "";
    piece.classList.toggle("now", over.includes(this.now));
    if (over.length > 1) piece.dataset.deep = "";
    const begin = over.filter((mark) => mark.start === start).map((mark) => this.title(mark.label));
    if (begin.length) piece.dataset.tag = begin.join(" · ");
    piece.append(node);
    return piece;
  }

  drawList() {
    const focused = [...this.list.children].findIndex((row) => row.contains(document.activeElement));
    const what = focused < 0 ? null : ["remove", "move", "go"].find((name) => name in document.activeElement.dataset);
    const move = what === "move" ? `[data-move="${document.activeElement.dataset.move}"]` : `[data-${what}]`;
    this.list.replaceChildren(...this.marks.map((mark) => this.rowOf(mark)));
    const row = this.list.querySelector("[aria-current]") ?? this.list.children[Math.min(focused, this.list.children.length - 1)];
    if (what && row) (row.querySelector(`${move}:not([hidden] *)`) ?? row.querySelector("[data-go]")).focus();
  }

  rowOf(mark) {
    const row = this.row.content.firstElementChild.cloneNode(true);
    const name = row.querySelector("[data-name]");
    name.textContent = this.title(mark.label);
    name.className += ` ${this.labels.find((one) => one.dataset.label === mark.label)?.className.replace("opt ", "") ?? ""}`;
    row.querySelector("[data-words]").textContent = this.words(mark);
    row.querySelector("[data-place]").textContent = `${this.ruler.point(mark.start)}–${this.ruler.point(mark.end)}`;
    if (mark === this.now) row.setAttribute("aria-current", "true");
    row.querySelector("[data-tools]").hidden = mark !== this.now;
    return row;
  }
}

function enhance() {
  for (const root of document.querySelectorAll("[data-spans]")) {
    if (enhanced.has(root) || !root.querySelector("[data-list]")) continue;
    enhanced.add(root);
    new Marking(root);
  }
}

document.addEventListener("htmx:afterSettle", enhance);
enhance();
