// Saving files.
"use strict";
(function (palingen) {
  /** Save a blob as a file. */
  function download(blob, filename) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = filename;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    palingen.page.announce(`Saved ${filename}`);
  }

  /** Copy the link to the view; where that is not allowed, the address bar holds it. */
  async function copyLink(link) {
    try {
      await navigator.clipboard.writeText(link);
      palingen.page.announce("Link to this view copied");
    } catch {
      history.replaceState(null, "", link);
      palingen.page.announce("The address bar holds the link to this view");
    }
  }

  Object.assign(palingen.page, { download, copyLink });
})(globalThis.palingen);
