// Every page: what the labelling page keeps in this browser (keeping.js) is its author's alone. It goes when she logs out, and when
// somebody else is logged in. A session that only ended leaves it for her to come back to.

const PREFIX = "kept:";
const user = document.body.dataset.user;

function forget(where) {
  try {
    for (const name of Object.keys(localStorage)) if (name.startsWith(PREFIX) && where(name)) localStorage.removeItem(name);
  } catch {
    // A browser without a store keeps nothing.
  }
}

if (user) forget((name) => !name.startsWith(`${PREFIX}${user}:`));

document.addEventListener("submit", ({ target }) => {
  if (target instanceof Element && target.matches("[data-logs-out]")) forget(() => true);
});
