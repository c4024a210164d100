// Labels that exclude all others: choosing one takes the others back, and the other way round.

document.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || !target.checked) return;
  const opts = target.closest(".kind-multichoice .opts");
  if (!opts) return;
  for (const other of opts.querySelectorAll("input:checked")) {
    if (other !== target && (target.hasAttribute("data-alone") || other.hasAttribute("data-alone"))) other.checked = false;
  }
});

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const input = event.target instanceof Element ? event.target.closest(".kind-multichoice .opts input") : null;
  if (!step || !input) return;
  const there = [...input.closest(".opts").querySelectorAll("input")].filter((one) => one.checkVisibility());
  event.preventDefault();
  there[(there.indexOf(input) + step + there.length) % there.length].focus();
});
