// The page of `dis-core serve`: it asks the server that it came from, and nobody else.
"use strict";

const by = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const CURSOR_STEP = 0.01;

const state = {
  token: "",
  models: [],
  file: null,
  beforeUrl: "",
  resultUrl: "",
  result: null, // the cutout, a Blob
  canShow: true, // whether the browser can show the picture itself
  size: null, // [width, height] of the picture in pixels
  boxes: [], // [left, top, right, bottom]
  points: { subject: [], background: [] }, // [x, y]
  drawing: null, // where a box begins
  cursor: null, // where the keyboard is
  running: null, // the AbortController of the request
};

// ---- Asking the server

function headers(more) {
  return state.token ? { ...more, "X-Api-Key": state.token } : { ...more };
}

async function refusal(answer) {
  try {
    const [error] = (await answer.json()).errors;
    if (error.code === "auth_failed") by("token-row").hidden = false;
    const later = answer.headers.get("Retry-After");
    return [error.title, later ? `try again in ${later} s` : error.detail].filter(Boolean).join(": ");
  } catch {
    return `the server answered with status ${answer.status}`;
  }
}

async function loadModels() {
  const answer = await fetch("v1/models", { headers: headers() });
  if (!answer.ok) {
    fail(await refusal(answer));
    return;
  }
  fail("");
  by("token-row").hidden = true;
  state.models = (await answer.json()).models.filter((model) => model.usable);
  const list = by("model");
  list.replaceChildren();
  for (const model of state.models) {
    const option = new Option(model.name + (model.embedded ? " (embedded)" : ""), model.name);
    option.selected = model.default;
    list.append(option);
  }
  showModel();
}

async function* eventsOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const pieces = []; // joined only where an event ends: the last one is large
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    pieces.push(value);
    if (!value.includes("\n")) continue;
    const blocks = pieces.splice(0).join("").split("\n\n");
    pieces.push(blocks.pop());
    for (const block of blocks) {
      const [name, data] = block.split("\n");
      yield [name.slice("event: ".length), JSON.parse(data.slice("data: ".length))];
    }
  }
}

function options() {
  const asked = { model: by("model").value, quality: by("quality").value };
  if (!prompts().length) return asked;
  if (state.boxes.length) asked.boxes = state.boxes;
  const { subject, background } = state.points;
  if (subject.length || background.length) asked.points = { subject, background };
  return asked;
}

async function run() {
  if (!state.file) return;
  state.running?.abort();
  const request = new AbortController();
  state.running = request;
  const form = new FormData();
  form.append("image", state.file);
  form.append("options", JSON.stringify(options()));
  form.append("format", "png");
  fail("");
  showRunning(true);
  say("Sending the picture");
  try {
    const answer = await fetch("v1/segment", {
      method: "POST",
      body: form,
      headers: headers({ Accept: "text/event-stream" }),
      signal: request.signal,
    });
    if (!answer.ok) throw new Error(await refusal(answer));
    await follow(answer);
  } catch (error) {
    if (request.signal.aborted) {
      if (state.running === request) say("Canceled");
    } else {
      say("");
      fail(error instanceof TypeError ? "the server cannot be reached" : error.message);
    }
  } finally {
    if (state.running === request) {
      state.running = null;
      showRunning(false);
    }
  }
}

async function follow(answer) {
  for await (const [name, data] of eventsOf(answer)) {
    if (name === "progress") {
      by("progress").value = data.fraction;
      say(sentence(data.doing));
    } else if (name === "error") {
      const [error] = data.errors;
      throw new Error([error.title, error.detail].filter(Boolean).join(": "));
    } else if (name === "result") {
      await showResult(data);
      return;
    }
  }
  throw new Error("the server ended the connection");
}

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// ---- Showing

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function say(text) {
  if (by("status").textContent !== text) by("status").textContent = text;
}

function fail(text) {
  by("error").textContent = sentence(text);
  by("error").hidden = !text;
}

function showRunning(isRunning) {
  by("progress").hidden = !isRunning;
  if (isRunning) by("progress").value = 0;
  by("cancel").hidden = !isRunning;
  by("start").hidden = isRunning;
  by("start").disabled = !state.file;
}

function prompts() {
  const model = state.models.find((one) => one.name === by("model").value);
  return model ? model.prompts : [];
}

function showModel() {
  const model = state.models.find((one) => one.name === by("model").value);
  by("about-model").textContent = model ? `${sentence(model.summary)} (${model.license}).` : "";
  const isTold = prompts().length > 0 && state.size !== null;
  by("marking").hidden = !isTold;
  by("marks").toggleAttribute("hidden", !isTold);
  drawMarks();
}

function showPicture(file) {
  state.running?.abort();
  URL.revokeObjectURL(state.beforeUrl);
  forgetResult();
  Object.assign(state, { file, beforeUrl: URL.createObjectURL(file), size: null, cursor: null, canShow: true });
  removeMarks();
  by("shown").hidden = false;
  by("drop").classList.add("little");
  by("drop").querySelector(".big").textContent = "Choose another picture";
  by("start").disabled = false;
  by("before").hidden = false;
  by("before").src = state.beforeUrl;
}

function forgetResult() {
  URL.revokeObjectURL(state.resultUrl);
  Object.assign(state, { result: null, resultUrl: "" });
  by("after").hidden = true;
  by("split-row").hidden = true;
  showSplit();
  by("download").disabled = true;
  by("copy").disabled = true;
}

function begin() {
  showModel();
  if (!prompts().length) run();
  else say("Mark what to cut out, or cut out what the model finds");
}

by("before").addEventListener("load", () => {
  state.size = [by("before").naturalWidth, by("before").naturalHeight];
  if (state.canShow) begin();
  else showModel(); // the result takes the place of the picture
});

by("before").addEventListener("error", () => {
  // HEIC, TIFF and others: the server reads what the browser cannot show.
  state.canShow = false;
  by("before").hidden = true;
  begin();
});

async function showResult(data) {
  forgetResult();
  state.result = new Blob([bytesOf(data.data)], { type: data.media_type });
  state.resultUrl = URL.createObjectURL(state.result);
  by("result").src = state.resultUrl;
  await by("result").decode();
  if (!state.canShow) {
    by("before").src = state.resultUrl;
    by("before").hidden = false;
    by("split").value = 0;
  }
  by("split-row").hidden = !state.canShow;
  by("after").hidden = false;
  by("download").disabled = false;
  by("copy").disabled = !(navigator.clipboard && window.ClipboardItem);
  showSplit();
  showBackground();
  const remarks = data.remarks.length ? ` Note: ${data.remarks.join("; ")}.` : "";
  say(`Done: ${data.width} x ${data.height} pixels, by ${data.model}.${remarks}`);
}

function showSplit() {
  const share = by("split").value;
  by("after").style.clipPath = `inset(0 0 0 ${share}%)`;
  by("line").style.left = `${share}%`;
  by("line").hidden = share === "0" || by("after").hidden;
  by("before").style.visibility = share === "0" && !by("after").hidden ? "hidden" : "visible";
}

function background() {
  const chosen = by("background").value;
  return chosen === "own" ? by("color").value : chosen;
}

function showBackground() {
  const color = background();
  by("color").hidden = by("background").value !== "own";
  by("after").style.background = color === "none" ? "" : color;
}

// ---- Marks: boxes and points, in pixels of the picture

function removeMarks() {
  Object.assign(state, { boxes: [], points: { subject: [], background: [] }, drawing: null });
  drawMarks();
}

function markKind() {
  return document.querySelector("input[name=mark]:checked").value;
}

function placeOf(event) {
  const frame = by("marks").getBoundingClientRect();
  return within((event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
}

function within(x, y) {
  const [width, height] = state.size;
  const inside = (share, most) => Math.min(Math.max(share * most, 0), most - 0.01);
  return [inside(x, width), inside(y, height)];
}

function boxBetween([x1, y1], [x2, y2]) {
  const low = [Math.min(x1, x2), Math.min(y1, y2)].map(Math.floor);
  const high = [Math.max(x1, x2), Math.max(y1, y2)].map(Math.ceil);
  return [...low, ...high];
}

function addBox(from, to) {
  const [left, top, right, bottom] = boxBetween(from, to);
  if (right - left > 1 && bottom - top > 1) state.boxes.push([left, top, right, bottom]);
}

function addPoint(place) {
  state.points[markKind()].push(place.map((length) => Math.round(length * 10) / 10).map((v, i) => Math.min(v, state.size[i] - 0.1)));
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function rectOf([left, top, right, bottom]) {
  return shape("rect", { x: left, y: top, width: right - left, height: bottom - top });
}

function drawMarks() {
  const { size, boxes, points, drawing, cursor } = state;
  by("clear").disabled = !(boxes.length || points.subject.length || points.background.length);
  if (!size) return;
  const marks = by("marks");
  marks.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
  marks.setAttribute("preserveAspectRatio", "none");
  const r = (7 * size[0]) / (marks.clientWidth || size[0]);
  const dots = Object.entries(points).flatMap(([kind, places]) =>
    places.map(([cx, cy]) => shape("circle", { cx, cy, r, class: kind })),
  );
  const begun = drawing ? [rectOf(boxBetween(drawing.from, drawing.to))] : [];
  const crossing = cursor
    ? [shape("path", { class: "cursor", d: `M${cursor[0] - 2 * r} ${cursor[1]}h${4 * r}M${cursor[0]} ${cursor[1] - 2 * r}v${4 * r}` })]
    : [];
  marks.replaceChildren(...boxes.map(rectOf), ...begun, ...dots, ...crossing);
}

by("marks").addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const place = placeOf(event);
  if (markKind() === "box") {
    by("marks").setPointerCapture(event.pointerId);
    state.drawing = { from: place, to: place };
  } else {
    addPoint(place);
  }
  drawMarks();
});

by("marks").addEventListener("pointermove", (event) => {
  if (!state.drawing) return;
  state.drawing.to = placeOf(event);
  drawMarks();
});

by("marks").addEventListener("pointerup", (event) => {
  if (!state.drawing) return;
  addBox(state.drawing.from, placeOf(event));
  state.drawing = null;
  drawMarks();
});

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

by("marks").addEventListener("keydown", (event) => {
  if (!state.size) return;
  const [width, height] = state.size;
  const [x, y] = state.cursor ?? [width / 2, height / 2];
  const move = MOVES[event.key];
  if (move) {
    const step = event.shiftKey ? 5 * CURSOR_STEP : CURSOR_STEP;
    state.cursor = within(x / width + move[0] * step, y / height + move[1] * step);
    if (state.drawing) state.drawing.to = state.cursor;
    say(`At ${Math.round(state.cursor[0])}, ${Math.round(state.cursor[1])}`);
  } else if (event.key === "Enter" || event.key === " ") {
    state.cursor = [x, y];
    markAtCursor();
  } else if (event.key === "Escape") {
    Object.assign(state, { drawing: null, cursor: null });
  } else {
    return;
  }
  event.preventDefault();
  drawMarks();
});

function markAtCursor() {
  if (markKind() !== "box") {
    addPoint(state.cursor);
    say("The point is set");
  } else if (state.drawing) {
    addBox(state.drawing.from, state.cursor);
    state.drawing = null;
    say("The box is set");
  } else {
    state.drawing = { from: state.cursor, to: state.cursor };
    say("The box begins here: move to its other corner and press Enter");
  }
}

// ---- Choosing, dropping, pasting

function take(files) {
  if (files.length) showPicture(files[0]);
}

by("file").addEventListener("change", () => {
  take(by("file").files);
  by("file").value = "";
});

addEventListener("dragover", (event) => {
  event.preventDefault();
  by("drop").classList.add("over");
});

addEventListener("dragleave", () => by("drop").classList.remove("over"));

addEventListener("drop", (event) => {
  event.preventDefault();
  by("drop").classList.remove("over");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  else fail("only files can be dropped here, not addresses");
});

addEventListener("paste", (event) => take(event.clipboardData?.files ?? []));

// ---- Getting the result out

async function resultOnBackground() {
  const color = background();
  if (color === "none") return state.result;
  const bitmap = await createImageBitmap(state.result);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

by("download").addEventListener("click", async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await resultOnBackground());
  link.download = `${state.file.name.replace(/\.[^.]*$/, "") || "picture"}-cutout.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

by("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": resultOnBackground() })]);
    say("Copied");
  } catch {
    fail("the browser does not allow copying here; download it instead");
  }
});

// ---- The rest

by("start").addEventListener("click", run);
by("cancel").addEventListener("click", () => state.running?.abort());
by("clear").addEventListener("click", removeMarks);
by("split").addEventListener("input", showSplit);
by("background").addEventListener("change", showBackground);
by("color").addEventListener("input", showBackground);
by("model").addEventListener("change", showModel);
by("token-row").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = by("token").value.trim();
  loadModels();
});

loadModels().catch(() => fail("the server cannot be reached"));
