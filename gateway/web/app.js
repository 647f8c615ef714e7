/** The page at /: pick a model, type, watch the tokens come. */

import { Exchange, asCurl, key, listModels } from "./exchange.js";
import { Picker } from "./picker.js";
import { Follower, ReplyView, userTurn } from "./view.js";

const $ = (id) => document.getElementById(id);

/** Demo models show what a name can say; the list only has their plain names. */
const DEMOS = [...document.querySelectorAll("[data-model]")];
const TICK = 100;

const SAMPLE_TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tell the weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string", description: "Name of the city" } },
      required: ["city"],
    },
  },
};
const SAMPLE_RESULT = '{"sky": "clear", "temperature_c": 21}';

const picker = new Picker($("model"), $("models"));
const follower = new Follower($("scroller"), $("jump"));

/** The turns sent with the next request. */
let history = [];
/** AbortController of the running request. */
let running = null;

// --- the request ---------------------------------------------------------

function requestBody(text) {
  const system = $("system").value.trim();
  const body = {
    model: picker.value,
    messages: [
      ...(system ? [{ role: "system", content: system }] : []),
      ...history,
      { role: "user", content: text },
    ],
    stream: true,
    stream_options: { include_usage: true },
  };
  if ($("temperature").value !== "") body.temperature = $("temperature").valueAsNumber;
  if ($("offer-tool").checked) body.tools = [SAMPLE_TOOL];
  return body;
}

async function send() {
  const text = $("message").value.trim();
  if (running || !text || !readyToSend()) return;
  const exchange = new Exchange(requestBody(text));
  const question = userTurn(text);
  const view = showTurn(question, exchange);
  $("message").value = "";
  await run(exchange, view);
  if (!view.element.isConnected) return;
  if (!remember(text, exchange, view)) leaveOut(text, question, view);
  if (exchange.status === 401) askForKey();
}

function readyToSend() {
  $("model").setCustomValidity(picker.value ? "" : "Pick a model or type its name.");
  return $("model").reportValidity() && $("temperature").reportValidity();
}

function showTurn(question, exchange) {
  const view = new ReplyView(exchange.body.model, follower);
  view.on("curl", (event) => copy(event.currentTarget, asCurl(exchange.body)));
  view.on("text", (event) => copy(event.currentTarget, exchange.reply.text));
  $("welcome").hidden = true;
  $("conversation").append(question, view.element);
  follower.toEnd();
  return view;
}

async function run(exchange, view) {
  const controller = new AbortController();
  const ticking = setInterval(() => view.show(exchange.figures()), TICK);
  setRunning(controller);
  say("Waiting for the reply");
  await exchange.run(controller.signal, (pieces) => view.add(pieces));
  clearInterval(ticking);
  view.show(exchange.figures());
  view.end(exchange.outcome);
  if (running === controller) setRunning(null);
  say(summary(exchange));
}

function summary({ outcome, reply }) {
  const words = [`Reply ${outcome.state}`, outcome.message, reply.text.slice(0, 500)];
  return words.filter(Boolean).join(". ");
}

/** Keep the turn for the next request; false where there is nothing to keep. */
function remember(text, { reply, outcome }, view) {
  // The arguments of a call that was cut off are not JSON.
  if (outcome.state !== "completed") reply.calls = [];
  const message = outcome.state === "failed" ? null : reply.message();
  if (!message) return false;
  history.push({ role: "user", content: text }, message);
  // Providers refuse a call without a result; the page has only one to give.
  const calls = message.tool_calls ?? [];
  for (const { id } of calls)
    history.push({ role: "tool", tool_call_id: id, content: SAMPLE_RESULT });
  if (calls.length) view.answered(SAMPLE_RESULT);
  return true;
}

function leaveOut(text, question, view) {
  question.classList.add("left-out");
  view.leaveOut();
  $("message").value ||= text;
}

function setRunning(controller) {
  running = controller;
  $("send").hidden = running !== null;
  $("stop").hidden = running === null;
}

function stop() {
  running?.abort();
}

function newChat() {
  stop();
  setRunning(null);
  history = [];
  $("conversation").replaceChildren();
  $("welcome").hidden = false;
  $("message").focus();
}

// --- models and the key --------------------------------------------------

async function fillModels() {
  try {
    const models = await listModels();
    $("models-error").hidden = true;
    showModels(models);
  } catch (error) {
    if (error.status === 401) return askForKey();
    $("models-error").hidden = false;
  }
}

function showModels(models) {
  picker.clear();
  for (const { id, owned_by: owner } of models) picker.offer(owner ?? "models", [id]);
  const demo = models.some(({ id }) => id.startsWith("demo:"));
  $("demos").hidden = !demo;
  if (demo) picker.offer("demo", DEMOS.map((button) => button.dataset.model));
  if (!picker.value) picker.value = demo ? "demo:hello" : (models[0]?.id ?? "");
}

function askForKey() {
  $("key-form").hidden = false;
  $("key-wrong").hidden = !key.get();
  $("key").focus();
}

function saveKey(event) {
  event.preventDefault();
  const value = $("key").value.trim();
  if (value) key.set(value);
  else key.forget();
  $("key").value = "";
  $("key-form").hidden = true;
  $("message").focus();
  fillModels();
}

// --- small things --------------------------------------------------------

function tryDemo(event) {
  const { model, prompt, tool } = event.currentTarget.dataset;
  picker.value = model;
  $("offer-tool").checked = tool !== undefined;
  $("message").value ||= prompt;
  $("message").focus();
}

async function copy(button, text) {
  await toClipboard(text);
  button.dataset.copied = "";
  say("Copied");
  setTimeout(() => delete button.dataset.copied, 1500);
}

async function toClipboard(text) {
  // Browsers have no clipboard API on plain http, except on this machine.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** Tell those who listen rather than look. */
function say(text) {
  $("announcement").textContent = text;
}

function onMessageKey(event) {
  // Enter also picks a word in the input methods of East Asian languages.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
}

function onKey(event) {
  if (event.key === "Escape" && running) stop();
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("message").addEventListener("keydown", onMessageKey);
$("stop").addEventListener("click", stop);
$("new").addEventListener("click", newChat);
$("curl").addEventListener("click", (event) =>
  copy(event.currentTarget, asCurl(requestBody($("message").value.trim() || "Hello!"))));
$("key-form").addEventListener("submit", saveKey);
$("model").addEventListener("change", () => $("message").focus());
document.addEventListener("keydown", onKey);
for (const button of DEMOS) button.addEventListener("click", tryDemo);

fillModels();
