// What people look at: a long text that scrolls keeps its place over a reload or a refused answer, a conversation begins at the turn that
// is asked about, a sound shows its waveform and obeys its buttons.

const PLACES = "concordat.places";
const ready = new WeakSet();

/** Where a text stood, by the item's key and the field: kept for this tab alone. */
function nameOf(element) {
  const item = element.closest(".card")?.querySelector("h2 .badge")?.textContent ?? "";
  return `${location.pathname} ${item} ${element.dataset.scroll}`;
}

function places() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACES) ?? "{}");
  } catch {
    return {};
  }
}

function keepPlace(element) {
  const kept = Object.entries({ ...places(), [nameOf(element)]: element.scrollTop }).slice(-50);
  try {
    sessionStorage.setItem(PLACES, JSON.stringify(Object.fromEntries(kept)));
  } catch {
    // A full or forbidden store loses the place, nothing else.
  }
}

/** What scrolls can be reached and scrolled by keyboard, under its name; what does not is no stop on the way. */
function reachable(element) {
  const long = element.scrollHeight > element.clientHeight + 1 || element.scrollWidth > element.clientWidth + 1;
  for (const [name, value] of Object.entries({ tabindex: "0", role: element.matches("ol") ? "list" : "region", "aria-label": element.dataset.name })) {
    if (long) element.setAttribute(name, value);
    else element.removeAttribute(name);
  }
}

function scrolls(element) {
  const before = places()[nameOf(element)];
  const target = element.querySelector("[data-target]");
  if (before !== undefined) element.scrollTop = before;
  else if (target) element.scrollTop = target.offsetTop - element.offsetTop - element.clientHeight / 3;
  element.addEventListener("scroll", () => keepPlace(element), { passive: true });
  if (!element.hasAttribute("tabindex")) new ResizeObserver(() => reachable(element)).observe(element);
}

class Sound {
  constructor(root) {
    this.player = root.querySelector("[data-player]");
    this.wave = root.querySelector("[data-wave]");
    this.peaks = [];
    root.querySelector("[data-play]").addEventListener("click", () => (this.player.paused ? this.player.play() : this.player.pause()));
    for (const button of root.querySelectorAll("[data-skip]")) button.addEventListener("click", () => this.go(this.player.currentTime + Number(button.dataset.skip)));
    root.querySelector("[data-speed]").addEventListener("change", ({ target }) => (this.player.playbackRate = Number(target.value)));
    this.wave.addEventListener("click", (event) => this.go((event.offsetX / this.wave.clientWidth) * this.player.duration));
    for (const name of ["timeupdate", "seeked", "loadedmetadata"]) this.player.addEventListener(name, () => this.draw());
    this.read();
  }

  go(seconds) {
    if (Number.isFinite(seconds)) this.player.currentTime = Math.min(Math.max(seconds, 0), this.player.duration || 0);
  }

  async read() {
    try {
      const reply = await fetch(this.player.src, { credentials: "same-origin" });
      const decoder = new OfflineAudioContext(1, 1, 44100);
      const sound = await decoder.decodeAudioData(await reply.arrayBuffer());
      this.peaks = this.peaksOf(sound.getChannelData(0));
      this.wave.dataset.drawn = String(this.peaks.length);
      this.draw();
    } catch {
      this.wave.hidden = true; // the player still plays what it can
    }
  }

  peaksOf(samples) {
    const width = Math.max(1, Math.ceil(samples.length / 400));
    const found = [];
    for (let from = 0; from < samples.length; from += width) {
      let peak = 0;
      for (let k = from; k < Math.min(from + width, samples.length); k += 1) peak = Math.max(peak, Math.abs(samples[k]));
      found.push(peak);
    }
    return found;
  }

  draw() {
    const { width, height } = this.wave;
    const pen = this.wave.getContext("2d");
    const style = getComputedStyle(this.wave);
    const played = (this.player.currentTime / this.player.duration || 0) * width;
    pen.clearRect(0, 0, width, height);
    const step = width / Math.max(this.peaks.length, 1);
    this.peaks.forEach((peak, k) => {
      pen.fillStyle = k * step < played ? style.accentColor : style.color;
      const tall = Math.max(2, peak * height);
      pen.fillRect(k * step, (height - tall) / 2, Math.max(1, step - 1), tall);
    });
  }
}

function prepare() {
  for (const element of document.querySelectorAll("[data-scroll], [data-sound]")) {
    if (ready.has(element)) continue;
    ready.add(element);
    if ("sound" in element.dataset) new Sound(element);
    else scrolls(element);
  }
}

document.addEventListener("htmx:afterSettle", prepare);
prepare();
