// Sends a file in parts, goes on after an interruption, and takes a file that is dropped on the form.
"use strict";
(() => {
  const PART = 4000000, TRIES = 8;
  const form = document.getElementById("upload");
  if (!form) return;
  const input = form.querySelector("input[type=file]"), token = form.querySelector("input[name=form_token]").value;
  const box = document.getElementById("upload-progress"), bar = box.querySelector("progress"), text = document.getElementById("upload-text");
  const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  const say = (words) => { box.hidden = false; text.textContent = words; };
  const reason = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const told = page.querySelector("main p");
    return told ? told.textContent : `The server answered ${answer.status}.`;
  };
  const begin = async (file) => {
    if (form.dataset.state) {
      if (file.name !== form.dataset.name || String(file.size) !== form.dataset.size)
        throw new Error(`This is another file. Choose ${form.dataset.name}, or give the upload up.`);
      return (await fetch(form.dataset.state)).json();
    }
    const fields = new URLSearchParams({ form_token: token, name: file.name, size: String(file.size) });
    const answer = await fetch(form.dataset.begin, { method: "POST", body: fields });
    if (!answer.ok) throw new Error(await reason(answer));
    return answer.json();
  };
  const send = async (file, state) => {
    const part = file.slice(state.received, state.received + PART);
    const headers = { "Content-Type": "application/octet-stream", "X-Form-Token": token };
    const answer = await fetch(`${state.page}/parts?offset=${state.received}`, { method: "POST", body: part, headers });
    if (answer.ok) return answer.json();
    if (answer.status === 409 || answer.status >= 500 || answer.status === 429) throw new TypeError("try again");
    throw new Error(await reason(answer));
  };
  const upload = async (file) => {
    let state = await begin(file), failures = 0;
    while (state.state === "Receiving") {
      try {
        state = await send(file, state);
        failures = 0;
      } catch (error) {
        if (!(error instanceof TypeError) || ++failures > TRIES) throw error;
        say("The connection was lost. Trying again …");
        await wait(Math.min(2 ** failures / 2, 10));
        try { state = await (await fetch(`${state.page}/state`)).json(); } catch { continue; }
      }
      bar.value = (100 * state.received) / file.size;
      say(`${Math.floor(bar.value)} % of the file is uploaded. If you close the page, you can go on later.`);
    }
    location.assign(state.page);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = input.files[0], button = form.querySelector("button[type=submit]");
    if (!file) return;
    button.disabled = true;
    upload(file).catch((error) => { button.disabled = false; say(error instanceof TypeError ? "The server cannot be reached. Try again later: the upload goes on where it stopped." : error.message); });
  });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("drop-over"); });
  form.addEventListener("dragleave", () => form.classList.remove("drop-over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("drop-over");
    if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; form.requestSubmit(); }
  });
})();
