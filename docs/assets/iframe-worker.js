// From disk a browser starts no worker, so the search runs in a hidden frame behind the interface of a worker.
if (location.protocol === "file:")
  window.Worker = window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.reply = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.frame.srcdoc =
        `<script>self.postMessage = (data) => frameElement.reply(data)</script><script src="${url}"></script>`;
      this.loaded = new Promise((resolve) => this.frame.addEventListener("load", resolve));
      document.body.append(this.frame);
    }

    async postMessage(data) {
      await this.loaded;
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
