// The state of a view, which a link holds. Whoever subscribed to a field is called when it changes; the address bar follows.
"use strict";
(function (palingen) {
  /** Store of a tab's view; `parse` reads all fields from a hash, `format` writes them into one. */
  palingen.createStore = function (tab, parse, format) {
    const subscribers = [], state = {};
    let linkTimer = 0;

    const readLink = () => Object.assign(state, parse(location.hash), { tab: palingen.tabs.isOnly() ? null : tab });
    readLink();

    /** Call `callback` when one of the named fields has changed. */
    const subscribe = (names, callback) => subscribers.push({ names, callback });

    function notify(changed) {
      for (const { names, callback } of subscribers) if (names.some((name) => changed.includes(name))) callback();
    }

    /** Link to the current view. */
    const link = () => location.href.split("#")[0] + format(state);

    /** Change the state; subscribers are called, and the link in the address bar follows. */
    function setState(changes) {
      const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
      if (!changed.length) return;
      Object.assign(state, changes);
      notify(changed);
      clearTimeout(linkTimer);
      linkTimer = setTimeout(() => {
        linkTimer = 0;
        if (palingen.tabs.current() === tab) history.replaceState(null, "", link());
      }, 150);
    }

    /** Whether the address bar holds the link to the current view. */
    const isLinkWritten = () => !linkTimer;

    addEventListener("hashchange", () => {
      if (palingen.tabs.current() !== tab) return;
      readLink();
      notify(Object.keys(state));
    });

    return { state, subscribe, notify, link, setState, isLinkWritten };
  };

  /** A fraction as per cent: one decimal below ten; rounded down above, so that only certainty is 100 %. */
  palingen.percent = (fraction) =>
    `${fraction < 0.0995 ? (100 * fraction).toFixed(1) : Math.floor(100 * fraction + 1e-9)}\u00a0%`;
})(globalThis.palingen);
